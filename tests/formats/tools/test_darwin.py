"""Darwin's files, as V7 and its users write them."""

import json
import math

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json

from weakseg.errors import DataInvalid
from weakseg.formats.tools.darwin import DARWIN
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon

SLOT = {"slot_name": "0", "width": 3, "height": 2, "source_files": [{"file_name": "original.png"}]}
SQUARE = [{"x": 0, "y": 0}, {"x": 4, "y": 0}, {"x": 4, "y": 4}, {"x": 0, "y": 4}]
HOLE = [{"x": 1, "y": 1}, {"x": 3, "y": 1}, {"x": 3, "y": 3}, {"x": 1, "y": 3}]
CONTENT = {
    "version": "2.0",
    "item": {"name": "a.png", "path": "/", "slots": [{"slot_name": "0", "width": 3, "height": 2}]},
    "annotations": [
        {"id": "a", "name": "dog", "bounding_box": {"x": 1, "y": 0, "w": 1.5, "h": 1}, "slot_names": ["0"]},
        {"id": "b", "name": "cat", "mask": {}},
        {
            "name": "__raster_layer__",
            "raster_layer": {"dense_rle": [0, 2, 1, 4], "mask_annotation_ids_mapping": {"b": 1}},
        },
    ],
}
FILES = {"a.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def read_item(tmp_path, *annotations, slots=(SLOT,), **other):
    """What is read of an item."""
    item = {"name": "a.png", "path": "/dir", "slots": list(slots)}
    listed = [{"name": "dog", "id": str(number), **each} for number, each in enumerate(annotations)]
    return read_json(DARWIN, tmp_path, {"version": "2.0", "item": item, "annotations": listed, **other})


def shape_of(tmp_path, **annotation):
    """What one annotation becomes."""
    (mark,) = marks_of(read_item(tmp_path, annotation))
    return mark.shape


def test_each_kind_has_its_shape(tmp_path):
    """Angles are radians."""
    ellipse = {"center": {"x": 1, "y": 2}, "radius": {"x": 3, "y": 4}, "angle": math.pi / 2}
    assert shape_of(tmp_path, ellipse=ellipse) == Ellipse(2, 1, 4, 3, 90)
    assert shape_of(tmp_path, bounding_box={"x": 1, "y": 2, "w": 3, "h": 4}) == Box(2, 1, 6, 4)
    assert shape_of(tmp_path, keypoint={"x": 1, "y": 2}) == Point(2, 1)
    assert isinstance(shape_of(tmp_path, line={"path": SQUARE}), Line)


@pytest.mark.parametrize("polygon", [{"paths": [SQUARE, HOLE]}, {"path": SQUARE, "additional_paths": [HOLE]}])
def test_later_paths_are_holes(tmp_path, polygon):
    """Their box says nothing more (darwin-py 423, 686)."""
    shape = shape_of(tmp_path, polygon=polygon, bounding_box={"x": 0, "y": 0, "w": 4, "h": 4})
    assert isinstance(shape, Polygon)
    assert pixels_of(shape, (9, 9)).inside.sum() == 16 - 4


def layer(*runs, **mapping):
    """A layer of masks."""
    return {"name": "__raster_layer__", "raster_layer": {"dense_rle": runs, "mask_annotation_ids_mapping": mapping}}


def test_a_layer_holds_the_masks_of_several_annotations(tmp_path):
    """Row by row, a value and how often it is repeated."""
    painted = layer(0, 1, 2, 3, 1, 2, **{"0": 1, "1": 2})
    annotations = read_item(tmp_path, {"mask": {}}, {"mask": {}, "name": "cat"}, painted)
    found = {}
    for mark in marks_of(annotations):
        assert isinstance(mark.shape, Mask)
        found[mark.label] = pixels_of(mark.shape, (2, 3)).inside.astype(int).tolist()
    assert found == {"dog": [[0, 0, 0], [0, 1, 1]], "cat": [[0, 1, 1], [1, 0, 0]]}
    assert not annotations.ignored


def test_masks_and_layers_that_do_not_fit_are_counted(tmp_path):
    """A mask without pixels, pixels without a mask."""
    annotations = read_item(tmp_path, {"mask": {}}, layer(3, 6, gone=1))
    assert [each.reason for each in annotations.ignored] == [
        "no layer of the file holds its pixels",
        "no annotation has the number of this mask",
        "the values [3] are of no annotation",
    ]


def test_a_run_may_claim_any_length(tmp_path):
    """Nothing is made of it."""
    (mark,) = marks_of(read_item(tmp_path, {"mask": {}}, layer(1, 10**15, **{"0": 1})))
    assert isinstance(mark.shape, Mask)
    with pytest.raises(DataInvalid, match="run lengths"):
        pixels_of(mark.shape, (2, 3))


def test_tags_and_skeletons(tmp_path):
    """A tag is of the image, each node a click."""
    annotations = read_item(tmp_path, {"tag": {}, "name": "sunny"}, {"skeleton": {"nodes": SQUARE[:2]}})
    assert annotations.images[0].present == ("sunny",)
    assert [mark.shape for mark in marks_of(annotations)] == [Point(0, 0), Point(0, 4)]


def test_items_have_the_name_that_people_see(tmp_path):
    """Not that of the file that was uploaded, unless an item has several."""
    assert read_item(tmp_path).images[0].name == "dir/a.png"
    other = {**SLOT, "slot_name": "1", "source_files": [{"file_name": "second.png"}]}
    point = {"keypoint": {"x": 1, "y": 1}}
    annotations = read_item(tmp_path, {**point, "slot_names": ["1"]}, point, slots=(SLOT, other))
    assert [(image.name, len(image.marks)) for image in annotations.images] == [("original.png", 1), ("second.png", 1)]


def test_items_may_lack_slots_and_sizes(tmp_path):
    """Files that were written by hand have neither."""
    annotations = read_item(tmp_path, {"keypoint": {"x": 1, "y": 1}, "slot_names": ["9"]}, slots=())
    assert len(marks_of(annotations)) == 1


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"cuboid": {}}, "not read"),
        ({"text": {}}, "not read"),
        ({"frames": {}}, "as images"),
        ({"bounding_box": {"x": 1, "y": 1, "w": 0, "h": 1}}, "empty"),
        ({"polygon": {"paths": [SQUARE[:2]]}}, "2 vertices"),
        ({"polygon": {}}, "'path'"),
        ({"keypoint": {"x": 1e308, "y": 1}}, "coordinate"),
        ({"keypoint": {"x": 1, "y": 1}, "name": ""}, "class name"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, annotation, reason):
    """And the rest of the item is read."""
    annotations = read_item(tmp_path, annotation, {"keypoint": {"x": 1, "y": 1}})
    assert len(marks_of(annotations)) == 1
    assert reason in annotations.ignored[0].reason


def test_version_one_says_which_to_choose(tmp_path):
    """Its polygons are other ones."""
    content = {"dataset": "a", "image": {"filename": "a.png"}, "annotations": []}
    assert "2.0" in read_json(DARWIN, tmp_path, content).ignored[0].reason


@needs_samples
def test_files_of_the_program_itself_are_read():
    """A mask of one layer, and one shape of each kind."""
    annotations = read(DARWIN, SAMPLES / "darwin")
    assert not annotations.ignored
    kinds = sorted(mark.kind for mark in marks_of(annotations))
    expected = ["box"] * 3 + ["ellipse"] + ["line"] + ["mask"] + ["point"] * 3 + ["polygon"] * 4
    assert kinds == expected
    (mask,) = [mark.shape for mark in marks_of(annotations) if isinstance(mark.shape, Mask)]
    content = json.loads((SAMPLES / "darwin" / "tag_skeleton_mask_line.json").read_text())
    runs = np.array(content["annotations"][4]["raster_layer"]["dense_rle"]).reshape(-1, 2)
    assert pixels_of(mask, (1080, 1920)).inside.sum() == runs[runs[:, 0] == 1, 1].sum()
