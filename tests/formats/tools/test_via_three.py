"""VIA 3's files, as the program writes them."""

import json

from annotation_files import marks_of, read, read_json

from weakseg.formats.tools.via_three import VIA_THREE
from weakseg.marks.shapes import Box, Ellipse, Point

CONTENT = {
    "attribute": {"1": {"aname": "class", "options": {"0": "cat"}}},
    "file": {"1": {"fname": "a.png", "src": ""}},
    "view": {"1": {"fid_list": ["1"]}},
    "metadata": {
        "x": {"vid": "1", "z": [], "xy": [2, 1, 2, 3, 4], "av": {"1": "0"}},
        "y": {"vid": "1", "z": [], "xy": [7, 1, 2, 3, 4, 5, 3], "av": {"1": "0"}},
    },
}
FILES = {"a.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""

ATTRIBUTES = {
    "1": {"aname": "class", "options": {"0": "cat", "1": "dog"}},
    "2": {"aname": "weather", "options": {"0": "sunny", "1": "rain"}},
    "3": {"aname": "note", "options": {}},
}


def project(*said):
    """A project of version 3 with one image."""
    return {
        "attribute": ATTRIBUTES,
        "file": {"1": {"fid": "1", "fname": "a.png", "src": "dir/a.png"}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {
            str(number): {"vid": "1", "z": [], "xy": [], "av": {}, **each} for number, each in enumerate(said)
        },
    }


def test_shapes_of_version_three_are_numbers(tmp_path):
    """The first is the kind; options have numbers too."""
    shapes = [
        [1, 1, 2],
        [2, 2, 1, 3, 4],
        [3, 1, 2, 3],
        [4, 1, 2, 3, 4],
        [5, 1, 2, 3, 4],
        [6, 1, 2, 3, 4],
        [7, 0, 0, 4, 0, 4, 4],
    ]
    annotations = read_json(VIA_THREE, tmp_path, project(*({"xy": shape, "av": {"1": "1"}} for shape in shapes)))
    marks = marks_of(annotations)
    assert {mark.label for mark in marks} == {"dog"}
    assert [mark.shape for mark in marks[:4]] == [
        Point(2, 1),
        Box(1, 2, 5, 5),
        Ellipse(2, 1, 3, 3),
        Ellipse(2, 1, 4, 3),
    ]
    assert [mark.kind for mark in marks[4:]] == ["line", "line", "polygon"]
    assert annotations.images[0].name == "dir/a.png"


def test_other_things_of_version_three_are_tags_or_counted(tmp_path):
    """Texts, times of films, kinds that are unknown."""
    annotations = read_json(
        VIA_THREE,
        tmp_path,
        project(
            {"av": {"2": "0,1"}},
            {"av": {"3": "hello"}},
            {"z": [1.5], "av": {"1": "1"}},
            {"xy": [8, 1], "av": {"1": "1"}},
        ),
    )
    assert annotations.images[0].present == ("sunny", "rain")
    assert [each.reason for each in annotations.ignored] == [
        "a text is no class",
        "it marks a time in a film, not a place in an image",
        "the kind 8 is unknown",
    ]


def test_tables_of_version_three_declare_themselves(tmp_path):
    """In lines before the first row."""
    (tmp_path / "a.csv").write_text(
        f"# Exported\n# ATTRIBUTE = {json.dumps(ATTRIBUTES)}\n"
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
        '"1_x","[""a.png""]",0,"[]","[2,2,1,3,4]","{""1"":""1""}"\n'
    )
    (mark,) = marks_of(read(VIA_THREE, tmp_path))
    assert (mark.label, mark.shape) == ("dog", Box(1, 2, 5, 5))
