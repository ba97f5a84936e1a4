"""Supervisely's files, as the program and its users write them."""

import base64
import json
import zlib
from io import BytesIO

import numpy as np
import pytest
from annotation_files import marks_of, read, read_json
from PIL import Image

from weakseg.errors import DataInvalid
from weakseg.formats.tools.supervisely import SUPERVISELY
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Mask, Point, Polygon

PIXELS = np.array([[1, 0, 1], [0, 1, 0]], bool)
SIZE = {"size": {"height": 8, "width": 9}, "tags": []}
CONTENT = {
    "size": {"height": 8, "width": 9},
    "tags": [{"name": "sunny", "value": None}],
    "objects": [
        {
            "classTitle": "dog",
            "geometryType": "polygon",
            "points": {"exterior": [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]], "interior": []},
        },
        {"classTitle": "dog", "geometryType": "rectangle", "points": {"exterior": [[1, 2], [3, 4]], "interior": []}},
    ],
}
FILES = {"ann/a.png.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def png(pixels):
    """A bitmap as the Python package writes it: a palette of which the first entry is transparent."""
    image, stream = Image.fromarray(pixels.astype(np.uint8), "P"), BytesIO()
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(stream, "PNG", transparency=0)
    return stream.getvalue()


def bitmap(data, origin=(4, 2)):
    """A bitmap at x 4, y 2."""
    return {"geometryType": "bitmap", "bitmap": {"data": base64.b64encode(data).decode(), "origin": list(origin)}}


def outline(kind, *exterior, interior=()):
    """A shape of points."""
    return {"geometryType": kind, "points": {"exterior": list(exterior), "interior": list(interior)}}


def read_objects(tmp_path, *objects, **other):
    """What is read of one image."""
    content = {**SIZE, "objects": [{"classTitle": "dog", **each} for each in objects], **other}
    return read_json(SUPERVISELY, tmp_path, content, name="a.png.json")


def shape_of(tmp_path, one):
    """What one object becomes."""
    (mark,) = marks_of(read_objects(tmp_path, one))
    return mark.shape


def test_whole_numbers_are_pixels_and_fractions_are_edges(tmp_path):
    """The last pixel is part of a box."""
    assert shape_of(tmp_path, outline("point", [3, 4])) == Point(4.5, 3.5)
    assert shape_of(tmp_path, outline("point", [3.0, 4.25])) == Point(4.25, 3)
    assert shape_of(tmp_path, outline("rectangle", [5, 6], [1, 2])) == Box(2, 1, 7, 6)
    assert shape_of(tmp_path, outline("rectangle", [1.0, 2.0], [5.5, 6.0])) == Box(2, 1, 6, 5.5)


def test_polygons_have_holes(tmp_path):
    """Each a ring of its own."""
    hole = [[3.0, 3.0], [5.0, 3.0], [5.0, 5.0], [3.0, 5.0]]
    shape = shape_of(tmp_path, outline("polygon", [1.0, 1.0], [7.0, 1.0], [7.0, 7.0], [1.0, 7.0], interior=[hole]))
    assert isinstance(shape, Polygon)
    assert pixels_of(shape, (8, 9)).inside.sum() == 36 - 4


@pytest.mark.parametrize("squeeze", [zlib.compress, bytes], ids=["compressed", "as it is"])
def test_bitmaps_are_compressed_or_not(tmp_path, squeeze):
    """At an origin x, y."""
    mask = shape_of(tmp_path, bitmap(squeeze(png(PIXELS))))
    assert isinstance(mask, Mask)
    patch = pixels_of(mask, (8, 9))
    assert (patch.top, patch.left) == (2, 4)
    assert (patch.inside == PIXELS).all()


def test_bitmaps_may_stick_out(tmp_path):
    """What lies outside is cut."""
    mask = shape_of(tmp_path, bitmap(zlib.compress(png(PIXELS)), origin=(-1, 7)))
    assert isinstance(mask, Mask)
    assert pixels_of(mask, (8, 9)).inside.tolist() == [[False, True]]


def test_a_few_bytes_may_not_inflate_to_many(tmp_path):
    """No more is inflated than the mask's own pixels take."""
    data = zlib.compress(png(PIXELS) + bytes(2**26))
    mask = shape_of(tmp_path, bitmap(data))
    assert isinstance(mask, Mask)
    assert (pixels_of(mask, (8, 9)).inside == PIXELS).all()
    with pytest.raises(DataInvalid):
        mask.code.pixels(9, 9)


def test_images_lie_beside_their_annotations(tmp_path):
    """In img/ beside ann/, with the extension in the name; old files say the names of tags alone."""
    (tmp_path / "set" / "ann").mkdir(parents=True)
    annotations = read_json(
        SUPERVISELY, tmp_path, {**SIZE, "objects": [], "tags": ["sunny", {"name": "wet"}]}, name="set/ann/a.png.json"
    )
    (image,) = annotations.images
    assert (image.name, image.size, image.present) == ("set/img/a.png", (8, 9), ("sunny", "wet"))


def test_classes_are_declared_for_all_images(tmp_path):
    """Answers of the server have numbers in place of names."""
    one = outline("point", [1, 1]) | {"classTitle": None, "classId": 7}
    read_json(
        SUPERVISELY,
        tmp_path,
        {"classes": [{"title": "dog", "id": 7}, {"title": "cat", "id": 9}], "tags": []},
        name="meta.json",
    )
    annotations = read_objects(tmp_path, one)
    assert annotations.classes == ("dog", "cat")
    assert [mark.label for mark in marks_of(annotations)] == ["dog"]


def test_graphs_are_clicks(tmp_path):
    """One for each node."""
    nodes = {"a": {"loc": [1.0, 2.0]}, "b": {"loc": [3.0, 4.0]}}
    annotations = read_objects(tmp_path, {"geometryType": "graph", "nodes": nodes})
    assert [mark.shape for mark in marks_of(annotations)] == [Point(2, 1), Point(4, 3)]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ({"geometryType": "cuboid"}, "not read"),
        (outline("polygon", [1, 1], [2, 2]), "2 vertices"),
        (outline("polygon"), ""),
        (outline("rectangle", [1.0, 1.0], [1.0, 5.0]), "empty"),
        (outline("point", [1, 1]) | {"classTitle": ""}, "no class"),
        ({"geometryType": "bitmap", "bitmap": None}, "damaged"),
        (bitmap(b"junk"), "damaged bitmap"),
        ({"geometryType": "bitmap", "bitmap": {"data": "%", "origin": [0, 0]}}, "base64"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, one, reason):
    """And the rest of the image is read."""
    annotations = read_objects(tmp_path, one, outline("point", [1, 1]))
    assert len([mark for mark in marks_of(annotations) if isinstance(mark.shape, Point)]) == 1
    assert reason in annotations.ignored[0].reason


def test_films_are_refused(tmp_path):
    """With what to export instead."""
    assert "as images" in read_objects(tmp_path, frames=[]).ignored[0].reason
    assert not read(SUPERVISELY, tmp_path).images
