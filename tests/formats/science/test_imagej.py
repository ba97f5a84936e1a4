"""ImageJ's regions, as the program and its users write them."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.science.imagej import IMAGEJ
from weakseg.formats.tree import ZipTree
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Point, Polygon

roifile = pytest.importorskip("roifile")
TYPE = roifile.ROI_TYPE
STREAM = BytesIO()
with zipfile.ZipFile(STREAM, "w") as together:
    for each in "ab":
        outline = [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
        together.writestr(f"{each}.roi", roifile.ImagejRoi.frompoints(outline, name="dog").tobytes())
FILES = {"a.zip": STREAM.getvalue()}
"""A small set of its files, for the contract test."""


def region(kind=TYPE.POLYGON, points=((1, 2), (9, 2), (9, 6)), name="cat-1", **other):
    """A region with whole numbers."""
    roi = roifile.ImagejRoi.frompoints(np.array(points, np.int32), name=name)
    roi.roitype = kind
    for key, value in other.items():
        setattr(roi, key, value)
    return roi


def bounds(kind, left, top, right, bottom, **other):
    """A rectangle or an ellipse."""
    return roifile.ImagejRoi(
        roitype=kind, name="cat", left=left, top=top, right=right, bottom=bottom, n_coordinates=0, **other
    )


def archive(path, *regions):
    """Write a set of regions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for number, roi in enumerate(regions):
            file.writestr(f"{number:04}-0001.roi", roi if isinstance(roi, bytes) else roi.tobytes())


def one(tmp_path, roi):
    """What is read of one region."""
    archive(tmp_path / "a.zip", roi)
    return read(IMAGEJ, tmp_path)


def shape_of(tmp_path, roi):
    """The shape of one region."""
    (mark,) = marks_of(one(tmp_path, roi))
    return mark.shape


def test_areas_are_edges_and_whole_numbers_of_lines_are_pixels(tmp_path):
    """x comes first in the file; fractions stay as they are."""
    polygon = shape_of(tmp_path, region())
    assert polygon.parts[0][0].tolist() == [[2, 1], [2, 9], [6, 9]]
    line = shape_of(tmp_path, region(TYPE.FREELINE))
    assert line.points.tolist() == [[2.5, 1.5], [2.5, 9.5], [6.5, 9.5]]
    fine = roifile.ImagejRoi.frompoints(np.array([[1.25, 2], [3, 4.5]], np.float32), name="cat")
    fine.roitype = TYPE.POLYLINE
    assert shape_of(tmp_path, fine).points.tolist() == [[2, 1.25], [4.5, 3]]


def test_each_kind_has_its_shape(tmp_path):
    """Rectangles and ellipses are their bounds; several points are as many marks."""
    assert shape_of(tmp_path, bounds(TYPE.RECT, 2, 1, 6, 9)) == Box(1, 2, 9, 6)
    assert shape_of(tmp_path, bounds(TYPE.OVAL, 2, 1, 6, 9)) == Ellipse(5.0, 4.0, 4.0, 2.0)
    points = marks_of(one(tmp_path, region(TYPE.POINT)))
    assert [mark.shape for mark in points] == [Point(2, 1), Point(2, 9), Point(6, 9)]
    line = bounds(TYPE.LINE, 0, 0, 9, 9, x1=1.0, y1=2.0, x2=5.0, y2=6.0)
    assert shape_of(tmp_path, line).points.tolist() == [[2.5, 1.5], [6.5, 5.5]]
    for kind in (TYPE.FREEHAND, TYPE.TRACED):
        assert isinstance(shape_of(tmp_path, region(kind)), Polygon)


def test_lines_have_the_width_of_the_pen(tmp_path):
    """Other shapes have none."""
    (line,) = marks_of(one(tmp_path, region(TYPE.FREELINE, stroke_width=7)))
    (area,) = marks_of(one(tmp_path, region(stroke_width=7)))

    assert (line.width_px, area.width_px) == (7, None)


def test_regions_of_several_paths_have_holes(tmp_path):
    """Readers of others give their bounds (read-roi issue 9)."""
    square = [0, 0, 0, 1, 10, 0, 1, 10, 10, 1, 0, 10, 4]
    hole = [0, 2, 2, 1, 4, 2, 1, 4, 4, 1, 2, 4, 4]
    paths = np.array(square + hole, np.float32)
    roi = bounds(TYPE.RECT, 0, 0, 10, 10, multi_coordinates=paths, shape_roi_size=len(paths))

    shape = shape_of(tmp_path, roi)
    assert isinstance(shape, Polygon)
    assert pixels_of(shape, (20, 20)).inside.sum() == 100 - 4


@pytest.mark.parametrize(
    ("name", "group", "label"),
    [
        ("cat", 0, "cat"),
        ("cat-12", 0, "cat"),
        ("big cat_3", 0, "big cat"),
        ("cat (2)", 0, "cat"),
        ("D50", 0, "D50"),
        ("0012-0345", 4, "group 4"),
        ("0001-0012-0345", 4, "group 4"),
    ],
)
def test_the_class_is_the_name_without_its_number(tmp_path, name, group, label):
    """Or the group, where the program gave the name."""
    assert marks_of(one(tmp_path, region(name=name, group=group)))[0].label == label


def test_names_of_the_program_are_no_classes(tmp_path):
    """They are positions; the region is counted."""
    annotations = one(tmp_path, region(name="0012-0345"))

    assert not marks_of(annotations)
    assert "it has no class" in annotations.ignored[0].reason


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("img1.zip", "img1"),
        ("img1_RoiSet.zip", "img1"),
        ("RoiSet-img1.zip", "img1"),
        ("deep/img1/RoiSet.zip", "deep/img1"),
        ("deep/img1.tif.zip", "deep/img1.tif"),
    ],
)
def test_the_image_is_called_like_the_archive_or_its_folder(tmp_path, name, image):
    """With the program's usual name left out."""
    archive(tmp_path / name, region())

    assert [each.name for each in read(IMAGEJ, tmp_path, sizes=lambda name: None).images] == [image]


def test_an_archive_is_read_by_itself(tmp_path):
    """And a single region, whose folder is called like the image unless it is."""
    archive(tmp_path / "img1_RoiSet.zip", region(), region())
    tree = ZipTree(tmp_path / "img1_RoiSet.zip")
    (image,) = IMAGEJ.read([Entry(tree, name) for name in tree.names], lambda name: None).images
    assert (image.name, len(image.marks)) == ("img1", 2)

    (tmp_path / "roi" / "img2").mkdir(parents=True)
    (tmp_path / "roi" / "img2" / "cat.roi").write_bytes(region().tobytes())
    assert read(IMAGEJ, tmp_path / "roi", sizes=lambda name: None).images[0].name == "img2"
    assert read(IMAGEJ, tmp_path / "roi", sizes={"img2/cat": (9, 9)}.get).images[0].name == "img2/cat"


class TestWhatUsersDo:
    """Files that break other readers."""

    def test_stacks_are_annotated(self, tmp_path):
        """Channels are of the image, slices are not."""
        for other, count in (
            ({"position": 1}, 1),
            ({"position": 5}, 0),
            ({"z_position": 2}, 0),
            ({"c_position": 3}, 1),
        ):
            annotations = one(tmp_path, region(**other))
            assert len(marks_of(annotations)) == count
            assert len(annotations.ignored) == 1 - count

    def test_arrows_and_texts_are_drawn(self, tmp_path):
        """They are notes to others."""
        annotations = one(tmp_path, bounds(TYPE.LINE, 0, 0, 9, 9, subtype=roifile.ROI_SUBTYPE.ARROW, x2=5.0))

        assert "arrow marks no class" in annotations.ignored[0].reason

    def test_images_are_larger_than_the_numbers(self, tmp_path):
        """Coordinates above 32767 turn negative (read-roi issue 7)."""
        shape = shape_of(tmp_path, region(points=((40_000, 2), (40_009, 2), (40_009, 6))))

        assert shape.parts[0][0][:, 1].tolist() == [40_000, 40_009, 40_009]

    def test_regions_are_damaged(self, tmp_path):
        """The others are read."""
        good = region().tobytes()
        archive(tmp_path / "a.zip", good, good[:70], b"Iout", b"hello", good)
        annotations = read(IMAGEJ, tmp_path)

        assert len(marks_of(annotations)) == 2
        assert len(annotations.ignored) == 3

    def test_a_name_within_the_archive_is_damaged(self, tmp_path):
        """It is empty; the other region is read."""
        archive(tmp_path / "a.zip", region(), region())
        content = (tmp_path / "a.zip").read_bytes()
        at = content.rindex(b"0001-0001.roi")
        (tmp_path / "a.zip").write_bytes(content[:at] + b"\0" + content[at + 1 :])

        assert len(marks_of(read(IMAGEJ, tmp_path))) == 1
        assert ZipTree(tmp_path / "a.zip").names == ("0000-0001.roi",)

    def test_other_archives_lie_beside(self, tmp_path):
        """And damaged ones."""
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as file:
            file.writestr("a.txt", "x")
        (tmp_path / "c.zip").write_bytes(b"PK\x03\x04damaged")

        assert not read(IMAGEJ, tmp_path).images


def test_without_the_package_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    """Nothing else of weakseg needs it."""
    monkeypatch.setitem(__import__("sys").modules, "roifile", None)
    archive(tmp_path / "a.zip", region())

    with pytest.raises(DataInvalid, match=r"weakseg\[imagej\]"):
        read(IMAGEJ, tmp_path)


@needs_samples
def test_a_real_set_is_read():
    """One region of each of five kinds, among them two points."""
    annotations = read(IMAGEJ, SAMPLES / "imagej")

    assert not annotations.ignored
    assert [mark.kind for mark in marks_of(annotations)] == ["polygon", "line", "point", "point", "box", "ellipse"]
    assert {mark.label for mark in marks_of(annotations)} == {"cat", "dog"}
    assert marks_of(annotations)[0].shape.parts[0][0][0].tolist() == [10.25, 10.5]
