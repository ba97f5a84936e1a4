"""CVAT's XML, as the program and its users write it."""

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.errors import DataInvalid
from weakseg.formats.tools.cvat_images import CVAT_XML
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon

CONTENT = """<annotations><meta><job><labels><label><name>dog</name></label></labels></job></meta>
<image id="0" name="a.png" subset="Train" width="9" height="8">
<box label="dog" xtl="1" ytl="1" xbr="4" ybr="4.5" rotation="10" z_order="1"/><points label="dog" points="1,2;3,4"/>
<mask label="dog" rle="1, 2, 3, 1, 2" left="2" top="1" width="3" height="3"/><tag label="sunny"/></image>
<track id="0" label="dog"><polygon frame="3" outside="0" keyframe="1" points="1,1;1,4;4,4"/></track></annotations>"""
FILES = {"annotations.xml": CONTENT}
"""A small set of its files, for the contract test."""


def read_xml(tmp_path, body, meta=""):
    """What is read of a file with these parts."""
    (tmp_path / "annotations.xml").write_text(f"<annotations><meta>{meta}</meta>{body}</annotations>")
    return read(CVAT_XML, tmp_path)


def of_image(tmp_path, shapes, attributes=""):
    """What is read of one image with these shapes."""
    return read_xml(tmp_path, f'<image name="a.png" width="9" height="8" {attributes}>{shapes}</image>')


def shapes_of(tmp_path, shapes):
    """The shapes of its marks."""
    return [mark.shape for mark in marks_of(of_image(tmp_path, shapes))]


def test_boxes_and_ellipses_are_turned_about_their_centre(tmp_path):
    """Clockwise, in degrees."""
    shapes = shapes_of(
        tmp_path,
        '<box label="a" xtl="1" ytl="2" xbr="3" ybr="6" rotation="30.5"/>'
        '<ellipse label="a" cx="1" cy="2" rx="3" ry="4" rotation="10"/>',
    )
    assert shapes == [Box(2, 1, 6, 3, 30.5), Ellipse(2, 1, 4, 3, 10)]


def test_points_are_x_y_and_each_is_a_click(tmp_path):
    """A trailing semicolon adds none (keypoint-detection 9)."""
    polygon, line, first, second = shapes_of(
        tmp_path,
        '<polygon label="a" points="1,2;3,4;5,2"/><polyline label="a" points="1,2;3,4"/>'
        '<points label="a" points="1.5,2;3,4;"/>',
    )
    assert isinstance(polygon, Polygon)
    assert isinstance(line, Line)
    assert line.points.tolist() == [[2, 1], [4, 3]]
    assert (first, second) == (Point(2, 1.5), Point(4, 3))


@pytest.mark.parametrize("rle", ["1, 2, 3, 1, 2", "1,2,3,1,2"])
def test_masks_are_rows_within_a_rectangle(tmp_path, rle):
    """Run lengths begin outside the mask, and do not have to end outside it."""
    (mask,) = shapes_of(tmp_path, f'<mask label="a" rle="{rle}" left="4" top="2" width="3" height="3"/>')
    assert isinstance(mask, Mask)
    patch = pixels_of(mask, (8, 9))
    assert (patch.top, patch.left) == (2, 4)
    assert patch.inside.tolist() == np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]], bool).tolist()


def test_a_run_may_claim_any_length(tmp_path):
    """Nothing is made of it."""
    (mask,) = shapes_of(tmp_path, '<mask label="a" rle="0,1000000000000" left="0" top="0" width="3" height="3"/>')
    assert isinstance(mask, Mask)
    with pytest.raises(DataInvalid, match="run lengths"):
        pixels_of(mask, (8, 9))


def test_what_lies_above_comes_later(tmp_path):
    """Layers first, then the order in the file; files of other programs have no layers."""
    box = '<box label="{}" xtl="1" ytl="2" xbr="3" ybr="6" {}/>'
    shapes = (
        box.format("top", 'z_order="2"') + box.format("low", 'z_order="-1"') + box.format("a", "") + box.format("b", "")
    )
    assert [mark.label for mark in marks_of(of_image(tmp_path, shapes))] == ["low", "a", "b", "top"]


def test_tags_are_tags_and_skeletons_are_clicks(tmp_path):
    """Parts of a skeleton that are not in view are counted."""
    parts = '<points label="1" outside="0" points="1,2"/><points label="2" outside="1" points="3,4"/>'
    annotations = of_image(tmp_path, f'<tag label="sunny"/><skeleton label="dog">{parts}</skeleton>')
    assert annotations.images[0].present == ("sunny",)
    assert [(mark.label, mark.shape) for mark in marks_of(annotations)] == [("dog", Point(2, 1))]
    assert [each.reason for each in annotations.ignored] == ["it is not in view"]


def test_images_of_one_name_lie_in_subsets(tmp_path):
    """As projects export them (fiftyone 1254)."""
    annotations = of_image(tmp_path, "", 'subset="Train"')
    assert (annotations.images[0].name, annotations.images[0].size) == ("Train/a.png", (8, 9))


def test_labels_are_declared_without_the_parts_of_skeletons(tmp_path):
    """In their order."""
    labels = "<label><name>b</name></label><label><name>a</name></label><label><name>1</name><parent>a</parent></label>"
    assert read_xml(tmp_path, "", f"<job><labels>{labels}</labels></job>").classes == ("b", "a")


def test_key_frames_of_a_video_are_read(tmp_path):
    """What was interpolated and what is not in view is counted, a line a track."""
    box = '<box frame="{}" outside="{}" keyframe="{}" xtl="1" ytl="2" xbr="3" ybr="6"/>'
    frames = box.format(0, 0, 1) + "".join(box.format(frame, 0, 0) for frame in range(1, 5)) + box.format(5, 1, 1)
    annotations = read_xml(tmp_path, f'<track id="0" label="dog">{frames}</track>')
    assert [image.name for image in annotations.images] == ["frame_000000"]
    assert sorted(each.reason for each in annotations.ignored) == [
        "interpolated between key frames, in 4 frames",
        "it is not in view, in 1 frame",
    ]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ('<cuboid label="a" xtl1="1"/>', "not read"),
        ('<box label="" xtl="1" ytl="2" xbr="3" ybr="6"/>', "class name"),
        ('<box label="a" xtl="1" ytl="2" xbr="1" ybr="6"/>', "empty"),
        ('<box label="a" xtl="nan" ytl="2" xbr="1" ybr="6"/>', "finite"),
        ('<box label="a" xtl="1" ytl="2" xbr="3"/>', "'ybr'"),
        ('<box label="a" outside="1" xtl="1" ytl="2" xbr="3" ybr="6"/>', "not in view"),
        ('<polygon label="a" points="1,2;3,4"/>', "2 vertices"),
        ('<polygon label="a" points=""/>', ""),
        ('<mask label="a" rle="1,-2" left="0" top="0" width="3" height="3"/>', "negative"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, shape, reason):
    """And the rest of the image is read; what is outside was exported all the same (cvat 2339)."""
    annotations = of_image(tmp_path, shape + '<points label="a" points="1,2"/>')
    assert len(marks_of(annotations)) == 1
    (ignored,) = annotations.ignored
    assert reason in ignored.reason


def test_entities_are_refused(tmp_path):
    """A file may not read another, nor grow without end."""
    (tmp_path / "a.xml").write_text(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>'
    )
    with pytest.raises(DataInvalid, match="entities"):
        read(CVAT_XML, tmp_path)


@needs_samples
@pytest.mark.parametrize(
    ("path", "marks", "ignored"),
    [("for_images/export_project", 18, 0), ("for_images/export_task", 4, 2), ("for_video", 5, 3)],
)
def test_counts_equal_those_of_the_file(path, marks, ignored):
    """Three clicks in each shape of points; two shapes of a task lost their label, three tracks leave the view."""
    annotations = read(CVAT_XML, SAMPLES / "cvat" / path)
    assert (len(marks_of(annotations)), len(annotations.ignored)) == (marks, ignored)
