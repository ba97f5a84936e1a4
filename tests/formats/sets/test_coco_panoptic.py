"""COCO's panoptic files, as programs and their users write them."""

import json
from io import BytesIO

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json
from PIL import Image

from weakseg.errors import DataInvalid
from weakseg.formats.sets.coco_panoptic import COCO_PANOPTIC
from weakseg.marks.pixels import pixels_of

NUMBERS = np.array([[7, 7, 0], [300, 70_000, 70_000]])
SEGMENTS = [{"id": 1, "category_id": 7}, {"id": 2, "category_id": 7}]
CONTENT = {
    "images": [{"id": 5, "file_name": "a.png", "height": 8, "width": 9}],
    "categories": [{"id": 7, "name": "dog", "supercategory": "pet"}],
    "annotations": [{"image_id": 5, "file_name": "a.png", "segments_info": SEGMENTS}],
}
STREAM = BytesIO()
Image.new("RGB", (9, 8)).save(STREAM, "PNG")
FILES = {"a.json": json.dumps(CONTENT), "a.png": STREAM.getvalue()}
"""A small set of its files, for the contract test."""


def file(*segments, **other):
    """A file with one image, 3 wide and 2 high."""
    return {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 3, "height": 2}],
        "categories": [{"id": 90, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [{"image_id": 5, "file_name": "a.png", "segments_info": list(segments)}],
        **other,
    }


def colours(numbers):
    """An image whose colours are numbers."""
    return Image.fromarray(np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], 2).astype(np.uint8))


def masks(tmp_path, folder="export", **other):
    """The annotations, and the pixels of each of two segments."""
    (tmp_path / folder).mkdir(exist_ok=True)
    colours(NUMBERS).save(tmp_path / folder / "a.png")
    segments = [{"id": 7, "category_id": 3}, {"id": 70_000, "category_id": 90, "iscrowd": 1}]
    annotations = read_json(COCO_PANOPTIC, tmp_path, file(*segments, **other))
    return annotations, [pixels_of(mark.shape, (2, 3)).inside for mark in marks_of(annotations)]


def test_colours_are_numbers_of_segments(tmp_path):
    """Red counts once, green 256 times, blue 65536 times; a crowd is a region like others."""
    annotations, (dog, cat) = masks(tmp_path)

    assert [mark.label for mark in marks_of(annotations)] == ["dog", "cat"]
    assert (dog == (NUMBERS == 7)).all()
    assert (cat == (NUMBERS == 70_000)).all()
    assert annotations.used == ("export/a.png",)
    assert annotations.classes == ("dog", "cat")


class TestWhatUsersDo:
    """Files that break other readers."""

    @pytest.mark.parametrize("folder", [".", "export", "panoptic/train"])
    def test_images_of_numbers_lie_elsewhere(self, tmp_path, folder):
        """Beside the JSON file, in a folder of its name, or in any other."""
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)

        assert len(masks(tmp_path, folder)[1]) == 2

    def test_the_image_of_numbers_is_missing(self, tmp_path):
        """The JSON file was downloaded alone."""
        annotations = read_json(COCO_PANOPTIC, tmp_path, file({"id": 7, "category_id": 3}))

        assert "a.png is missing" in annotations.ignored[0].reason

    def test_numbers_are_stored_as_grey(self, tmp_path):
        """What they mean then is not known: numbers above 255 are lost."""
        Image.fromarray(NUMBERS.astype(np.uint8)).save(tmp_path / "a.png")
        annotations = read_json(COCO_PANOPTIC, tmp_path, file({"id": 7, "category_id": 3}))

        assert "is grey" in annotations.ignored[0].reason

    def test_the_image_of_numbers_has_another_size(self, tmp_path):
        """Images were resized and the numbers were not; it is found before anything is decoded."""
        annotations, _ = masks(tmp_path)
        (mark, _) = marks_of(annotations)
        colours(np.zeros((5, 5), int)).save(tmp_path / "export" / "a.png")

        with pytest.raises(DataInvalid, match="5 wide and 5 high"):
            mark.shape.code.pixels(4, 4)

    def test_segments_have_no_category_or_number(self, tmp_path):
        """Categories are deleted, and 0 is void."""
        colours(NUMBERS).save(tmp_path / "a.png")
        segments = [{"id": 7, "category_id": 4}, {"id": 0, "category_id": 3}, {"category_id": 3}, None]
        annotations = read_json(COCO_PANOPTIC, tmp_path, file(*segments))

        assert not marks_of(annotations)
        assert [each.place.rpartition(" ")[2] for each in annotations.ignored] == ["1", "2", "3", "4"]

    def test_the_image_of_numbers_is_damaged(self, tmp_path):
        """A download was cut off."""
        annotations, _ = masks(tmp_path)
        content = (tmp_path / "export" / "a.png").read_bytes()
        (tmp_path / "export" / "a.png").write_bytes(content[:45])
        (mark, _) = marks_of(annotations)

        with pytest.raises(DataInvalid, match="damaged"):
            mark.shape.code.pixels(2, 3)


@needs_samples
def test_a_real_file_is_read():
    """Two segments, of 20 pixels each."""
    annotations = read(COCO_PANOPTIC, SAMPLES / "coco" / "coco_panoptic")

    assert not annotations.ignored
    assert [mark.label for mark in marks_of(annotations)] == ["a", "b"]
    assert [pixels_of(mark.shape, (10, 5)).inside.sum() for mark in marks_of(annotations)] == [20, 20]
