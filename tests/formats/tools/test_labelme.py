"""LabelMe's files, as the program and its users write them."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json
from PIL import Image

from weakseg.formats.tools.labelme import LABELME
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Point, Polygon

OUTLINE = [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
CONTENT = {
    "version": "6.3.1",
    "flags": {"indoor": True},
    "shapes": [
        {"label": "dog", "points": OUTLINE, "shape_type": "polygon"},
        {"label": "cat", "points": OUTLINE[:2], "shape_type": "linestrip"},
    ],
    "imagePath": "a.png",
    "imageHeight": 8,
    "imageWidth": 9,
}
FILES = {"a.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def one(tmp_path, shape, **other):
    """The annotations of a file with one shape."""
    content = {"shapes": [{"label": "dog", **shape}], "imagePath": "a.png", "imageHeight": 80, "imageWidth": 100}
    return read_json(LABELME, tmp_path, {**content, **other})


def shape_of(tmp_path, **shape):
    """What one shape becomes."""
    (mark,) = marks_of(one(tmp_path, shape))
    return mark.shape


def test_each_kind_has_its_shape(tmp_path):
    """Points are x, y; ours are row, column."""
    assert shape_of(tmp_path, shape_type="point", points=[[3, 4.5]]) == Point(4.5, 3)
    assert shape_of(tmp_path, shape_type="circle", points=[[10, 20], [13, 24]]) == Ellipse(20, 10, 5, 5)
    line = shape_of(tmp_path, shape_type="linestrip", points=[[0, 1], [2, 3], [4, 5]])
    assert isinstance(line, Line)
    assert line.points.tolist() == [[1, 0], [3, 2], [5, 4]]
    turned = shape_of(tmp_path, shape_type="oriented_rectangle", points=[[5, 0], [10, 5], [5, 10], [0, 5]])
    assert isinstance(turned, Box)
    assert turned.degrees == pytest.approx(45)


def test_a_rectangle_may_be_drawn_from_any_corner(tmp_path):
    """Its two points are opposite corners in any order."""
    for points in ([[9, 2], [3, 8]], [[3, 8], [9, 2]], [[3, 2], [9, 8]]):
        assert shape_of(tmp_path, shape_type="rectangle", points=points) == Box(2, 3, 8, 9)


def test_files_of_old_versions_state_no_kind(tmp_path):
    """They hold polygons alone."""
    assert isinstance(shape_of(tmp_path, points=[[0, 0], [4, 0], [4, 4]]), Polygon)


@pytest.mark.parametrize("last", [(5, 4), (6, 5)])
def test_the_bitmap_of_a_mask_has_the_size(tmp_path, last):
    """The second corner may be that of the last pixel or that of the outline."""
    pixels = np.random.default_rng(0).random((3, 4)) > 0.5
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    code = base64.b64encode(stream.getvalue()).decode()
    shape = shape_of(tmp_path, shape_type="mask", points=[[2, 2], list(last)], mask=code)

    patch = pixels_of(shape, (80, 100))
    assert (patch.top, patch.left) == (2, 2)
    assert (patch.inside == pixels).all()


def test_flags_that_are_set_are_tags(tmp_path):
    """A flag that is not set says nothing."""
    annotations = one(tmp_path, {"points": [[0, 0], [4, 0], [4, 4]]}, flags={"indoor": True, "night": False})

    assert annotations.images[0].present == ("indoor",)


def test_paths_of_windows_are_paths(tmp_path):
    """Files written there separate folders with backslashes."""
    annotations = one(tmp_path, {"points": [[0, 0], [4, 0], [4, 4]]}, imagePath="..\\images\\a.png")

    assert annotations.images[0].name == "../images/a.png"


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"shape_type": "polygon", "points": [[0, 0], [1, 1]]}, "2 vertices"),
        ({"shape_type": "cuboid", "points": [[0, 0]]}, "unknown"),
        ({"shape_type": "polygon"}, "no 'points'"),
        ({"shape_type": "mask", "points": [[0, 0], [4, 4]], "mask": "%%%"}, "base64"),
        ({"shape_type": "point", "points": [[float("nan"), 1]]}, "nan"),
        ({"shape_type": "circle", "points": [[1, 1], [1, 1]]}, "radii"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, shape, reason):
    """And the rest of the file is read."""
    content = {"shapes": [{"label": "dog", **shape}, {"label": "dog", "shape_type": "point", "points": [[1, 1]]}]}
    annotations = read_json(LABELME, tmp_path, {**content, "imagePath": "a.png"})

    assert len(marks_of(annotations)) == 1
    (ignored,) = annotations.ignored
    assert reason in ignored.reason
    assert ignored.place.endswith("shape 1")


@needs_samples
def test_files_of_the_program_itself_are_read():
    """One shape of each kind, drawn in version 6.3.1, on a photo that is turned and one that is not."""
    annotations = read(LABELME, SAMPLES / "labelme" / "real_save_6.3.1")

    assert not annotations.ignored
    kinds = [sorted(mark.kind for mark in image.marks) for image in annotations.images]
    assert kinds[1] == ["box", "ellipse", "line", "line", "mask", "point", "polygon"]
