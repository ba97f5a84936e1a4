"""VIA's files, of versions 1 and 2, as the program and its users write them."""

import json
import math

import pytest
from annotation_files import marks_of, read, read_json

from weakseg.formats.tools.via import VIA
from weakseg.marks.shapes import Box, Ellipse, Line, Point, Polygon

RECT = {"name": "rect", "x": 2, "y": 1, "width": 3, "height": 4}
REGION = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}}
CONTENT = {
    "a.png9": {
        "filename": "a.png",
        "size": 9,
        "regions": [REGION | {"region_attributes": {"class": name}} for name in ("dog", "cat")],
        "file_attributes": {"weather": "sunny"},
    }
}
FILES = {"a.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def item(*regions, **other):
    """An image with regions."""
    return {"filename": "a.png", "size": 9, "regions": list(regions), "file_attributes": {}, **other}


def region(shape=RECT, **attributes):
    """A region with attributes, of a class unless told otherwise."""
    return {"shape_attributes": shape, "region_attributes": attributes or {"class": "dog"}}


def read_items(tmp_path, *items, **other):
    """What is read of annotations as they are exported."""
    return read_json(VIA, tmp_path, {str(number): each for number, each in enumerate(items)} | other)


def reasons(annotations):
    """Why something was ignored."""
    return [each.reason for each in annotations.ignored]


def test_each_kind_has_its_shape(tmp_path):
    """Angles are radians, clockwise."""
    points = {"all_points_x": [1, 2, 5], "all_points_y": [4, 5, 6]}
    found = [
        mark.shape
        for mark in marks_of(
            read_items(
                tmp_path,
                item(
                    region(),
                    region({"name": "circle", "cx": 1, "cy": 2, "r": 3}),
                    region({"name": "ellipse", "cx": 1, "cy": 2, "rx": 3, "ry": 4, "theta": math.pi / 2}),
                    region({"name": "point", "cx": 1, "cy": 2}),
                    region({"name": "polygon", **points}),
                    region({"name": "polyline", **points}),
                ),
            )
        )
    ]
    assert found[:4] == [Box(1, 2, 5, 5), Ellipse(2, 1, 3, 3), Ellipse(2, 1, 4, 3, 90), Point(2, 1)]
    assert isinstance(found[4], Polygon)
    assert isinstance(found[5], Line)
    assert found[5].points.tolist() == [[4, 1], [5, 2], [6, 5]]


@pytest.mark.parametrize(
    "content",
    [
        {"a.png9": item(region())},
        {"_via_settings": {}, "_via_img_metadata": {"a.png9": item(region())}, "_via_attributes": {}},
        {"a.png9": {**item(), "regions": {"0": region()}}},
        {"b.png9": {**item(), "regions": {}}, "a.png9": item(region())},
    ],
    ids=["annotations", "a project", "version 1", "an image without regions"],
)
def test_versions_and_exports_are_read_alike(tmp_path, content):
    """Readers fail at each of these (Mask_RCNN 928, 1337, 1991; docExtractor 4)."""
    (mark,) = marks_of(read_json(VIA, tmp_path, content))
    assert (mark.label, mark.shape) == ("dog", Box(1, 2, 5, 5))


@pytest.mark.parametrize(
    ("attributes", "label"),
    [
        ({"animal": "dog"}, "dog"),
        ({"name": "rex", "class": "dog"}, "dog"),
        ({"animal": "dog", "note": ""}, "dog"),
        ({"name": "dog", "categories": "dog"}, "dog"),
        ({"kind": {"dog": True, "cat": False}}, "dog"),
        ({"class": 3}, "3"),
    ],
)
def test_the_class_is_the_attribute_that_is_called_so(tmp_path, attributes, label):
    """Or the only one."""
    (mark,) = marks_of(read_items(tmp_path, item(region(**attributes))))
    assert mark.label == label


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (region(RECT, a="dog", b="cat"), "a, b have several values"),
        (region(RECT, kind={"dog": True, "cat": True}), "several values"),
        ({"shape_attributes": RECT, "region_attributes": {}}, "no class"),
        (region({"name": "cube"}), "unknown"),
        (region({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}), "damaged"),
        (region({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}), "2 vertices"),
        (region({**RECT, "width": 0}), "empty"),
        (region({"name": "circle", "cx": 1, "cy": 1, "r": 0}), "radii"),
        (7, "damaged"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, one, reason):
    """And the rest of the image is read."""
    annotations = read_items(tmp_path, item(one, region()))
    assert len(marks_of(annotations)) == 1
    assert reason in reasons(annotations)[0]


def test_attributes_of_files_are_tags(tmp_path):
    """Chosen ones; texts that are declared as such are no classes."""
    one = item(file_attributes={"weather": {"sunny": True, "rain": False}, "place": "park", "note": "a long story"})
    kinds = {"file": {"note": {"type": "text"}}}
    annotations = read_json(VIA, tmp_path, {"_via_img_metadata": {"a": one}, "_via_attributes": kinds})
    assert annotations.images[0].present == ("sunny", "park")
    assert reasons(annotations) == ["a text is no class"]


@pytest.mark.parametrize("mark", ["", "#"])
def test_tables_have_a_row_for_each_region(tmp_path, mark):
    """Version 1 marks the header; an image without regions has a row with none."""
    shape, attributes = (json.dumps(each).replace('"', '""') for each in (RECT, {"class": "dog"}))
    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    regions = [f'a.png,9,"{{}}",2,{number},"{shape}","{attributes}"' for number in (0, 1)]
    rows = "\n".join([*regions, 'b.png,9,"{}",0,0,"{}","{}"', ""])
    (tmp_path / "via.csv").write_text(f"{mark}{header}\n{rows}")
    annotations = read(VIA, tmp_path)
    assert [(image.name, len(image.marks)) for image in annotations.images] == [("a.png", 2), ("b.png", 0)]
    assert not annotations.ignored


def test_a_note_names_the_attribute_that_classes_are_read_from(tmp_path):
    """Where others are set on the same regions; without others there is nothing to say."""
    several = read_items(tmp_path, item(region(RECT, occluded="yes", Label="dog"), region(RECT, Label="cat")))
    alone = read_items(tmp_path, item(region(RECT, Label="dog", occluded="")))

    assert several.notes == ("Classes are read from the attribute 'Label'; occluded of the same regions is not used.",)
    assert [mark.label for mark in marks_of(several)] == ["dog", "cat"]
    assert alone.notes == ()
