"""CVAT's painted masks, as the program and its users write them."""

from io import BytesIO

import numpy as np
import pytest
from annotation_files import marks_of, read
from PIL import Image

from weakseg.formats.tools.cvat_masks import CVAT_MASKS
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Mask

LABELS = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:255,0,0::\nroad: wet:0,9,0::\n"
COLOURS = np.zeros((80, 100, 3), np.uint8)
COLOURS[:40, :, 0] = COLOURS[40:, :, 1] = 255
STREAM = BytesIO()
Image.fromarray(COLOURS).save(STREAM, "PNG")
FILES = {"labelmap.txt": "dog:255,0,0::\ncat:0,255,0::\n", "SegmentationClass/a.png": STREAM.getvalue()}
"""A small set of its files, for the contract test."""


def export(tmp_path, colours, labels=LABELS, name="a", palette=False):
    """What is read of an export with one mask."""
    (tmp_path / "labelmap.txt").write_text(labels)
    path = tmp_path / "SegmentationClass" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.array(colours, np.uint8))
    (image.quantize(9) if palette else image).save(path)
    return read(CVAT_MASKS, tmp_path, sizes=lambda name: (1, 3))


def masks(annotations):
    """The pixels of each class."""
    found = {}
    for mark in marks_of(annotations):
        assert isinstance(mark.shape, Mask)
        found[mark.label] = pixels_of(mark.shape, (1, 3)).inside.tolist()
    return found


@pytest.mark.parametrize("palette", [False, True])
def test_classes_are_found_by_colour(tmp_path, palette):
    """Whatever their numbers in a palette; black is a class, and a name may hold a colon."""
    annotations = export(tmp_path, [[(255, 0, 0), (0, 0, 0), (0, 9, 0)]], palette=palette)
    assert masks(annotations) == {
        "background": [[False, True, False]],
        "cat": [[True, False, False]],
        "road: wet": [[False, False, True]],
    }
    assert annotations.classes == ("background", "cat", "road: wet")
    assert annotations.images[0].size == (1, 3)


def test_undeclared_colours_are_counted_and_placed(tmp_path):
    """Among them black that no class has (cvat 8995): it stays unlabelled."""
    annotations = export(tmp_path, [[(255, 0, 0), (0, 0, 0), (0, 0, 0)]], labels="cat:255,0,0::\n")
    (ignored,) = annotations.ignored
    assert ignored.reason == "no class has the colour 0,0,0 of 2 pixels, the first at row 0, column 1"
    assert list(masks(annotations)) == ["cat"]


def test_masks_of_another_size_are_refused(tmp_path):
    """Before they are decoded."""
    annotations = export(tmp_path, [[(255, 0, 0)]])
    assert not marks_of(annotations)
    assert "1 wide and 1 high of an image 3 wide" in annotations.ignored[0].reason


def test_masks_lie_in_folders_and_in_an_export_of_their_own(tmp_path):
    """Names keep folders and points; an export may lie anywhere, lists of images are part of it."""
    (tmp_path / "task" / "ImageSets").mkdir(parents=True)
    (tmp_path / "task" / "ImageSets" / "default.txt").write_text("a.b")
    annotations = export(tmp_path / "task", [[(255, 0, 0)] * 3], name="deep/a.b")
    assert [image.name for image in annotations.images] == ["deep/a.b"]
    annotations = read(CVAT_MASKS, tmp_path, sizes=lambda name: None)
    assert annotations.used == ("task/ImageSets/default.txt",)
    assert len(marks_of(annotations)) == 1


@pytest.mark.parametrize("line", ["dog:255,0,0::", "dog:1,2::", "dog:1,2,300::", ":1,2,3::", "dog"])
def test_damaged_declarations_are_counted(tmp_path, line):
    """Two classes of one colour, colours that are none, no name."""
    annotations = export(tmp_path, [[(255, 0, 0)] * 3], labels=f"cat:255,0,0::\n{line}\n")
    assert len(annotations.ignored) == 1
    assert list(masks(annotations)) == ["cat"]


def test_a_damaged_image_is_counted(tmp_path):
    """And so is anything else that bears its name."""
    export(tmp_path, [[(255, 0, 0)] * 3])
    (tmp_path / "SegmentationClass" / "b.png").write_bytes(b"\x89PNG\r\n")
    annotations = read(CVAT_MASKS, tmp_path, sizes=lambda name: (1, 3))
    assert "damaged" in annotations.ignored[0].reason
    assert len(marks_of(annotations)) == 1
