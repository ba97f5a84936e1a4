"""DOTA's text files."""

import numpy as np
import pytest
from annotation_files import marks_of, read

from weakseg.formats.sets.dota import DOTA
from weakseg.formats.sets.yolo import YOLO

HEAD = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
FILES = {"labelTxt/a.txt": HEAD + "1 1 4 1 4 3 1 3 plane 0\n2 1 4 3 3 4 1 2 small-vehicle 1\n"}
"""A small set of its files, for the contract test."""


def written(folder, text, name="a.txt"):
    """What is read of a file of this text."""
    (folder / name).write_text(text)
    return read(DOTA, folder)


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("step", [1, -1])
def test_corners_begin_anywhere(tmp_path, start, step):
    """And go either way around: the head of a ship comes first."""
    corners = np.array([(10, 20), (30, 40), (20, 50), (0, 30)])[::step]
    numbers = " ".join(map(str, np.roll(corners, start, axis=0).ravel()))
    (mark,) = marks_of(written(tmp_path, f"{HEAD}{numbers} ship 0\n"))
    assert mark.kind == "rotated_box"
    found = {tuple(corner) for corner in np.round(mark.shape.corners()).astype(int).tolist()}
    assert found == {(y, x) for x, y in corners.tolist()}


def test_upright_corners_are_a_box(tmp_path):
    """Which is a constraint; fractions and a missing last word are usual in version 1.0."""
    (mark,) = marks_of(written(tmp_path, "1.0 2.0 4.5 2.0 4.5 3.0 1.0 3.0 plane\n"))
    assert mark.kind == "box"
    assert (mark.shape.top, mark.shape.left, mark.shape.bottom, mark.shape.right) == (2, 1, 3, 4.5)


def test_corners_of_no_rectangle_are_told_of(tmp_path):
    """People click four corners of a quadrilateral."""
    annotations = written(tmp_path, "0 0 40 0 60 20 0 20 plane 0\n0 0 40 0 40 20 0 20.4 plane 0\n")
    assert len(marks_of(annotations)) == 2
    assert annotations.notes == ("1 of DOTA's four corners are no rectangles; the nearest ones were taken.",)


def test_lines_that_are_no_objects_are_counted(tmp_path):
    """Each with its number."""
    annotations = written(tmp_path, "1 1 4 1 4 3 1 3 plane 0\n1 1 4 1 4 3 plane 0\nx 1 4 1 4 3 1 3 plane 0\n")
    assert len(marks_of(annotations)) == 1
    assert [each.place.rpartition(" ")[2] for each in annotations.ignored] == ["2", "3"]


def test_yolo_s_corners_are_not_dota_s(tmp_path):
    """They are fractions, with the class first."""
    text = "0 0.1 0.1 0.4 0.1 0.4 0.3 0.1 0.3\n"
    assert not written(tmp_path, text).images
    assert len(marks_of(read(YOLO, tmp_path))) == 1
