"""Shapes refuse what no annotator draws, and turn as the screen does."""

import numpy as np
import pytest

from weakseg.errors import DataInvalid
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Plain, Point, Polygon, box_of, from_xy, rotated, turned_box

SQUARE = np.array([(0, 0), (0, 2), (2, 2), (2, 0)], float)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Point(float("nan"), 0),
        lambda: Point(0, float("inf")),
        lambda: Line(np.zeros((0, 2))),
        lambda: Line(np.array([[0, 1e308]])),
        lambda: Polygon(()),
        lambda: Polygon(((SQUARE[:2],),)),
        lambda: Box(2, 0, 2, 1),
        lambda: Ellipse(0, 0, 0, 1),
        lambda: Ellipse(0, 0, 1, float("nan")),
        lambda: Mask(0, 0, 0, 4, Plain(np.zeros((0, 4), bool))),
        lambda: from_xy([1, 2]),
        lambda: from_xy([[1], [2]]),
    ],
)
def test_what_has_no_place_is_refused(wrong):
    """Coordinates are finite, and areas have a size."""
    with pytest.raises((DataInvalid, TypeError)):
        wrong()


def test_a_quarter_turn_clockwise_takes_right_to_down():
    """Rows count downwards."""
    assert np.allclose(rotated(np.array([(0.0, 1.0)]), 90), [(1, 0)])


def test_files_have_x_before_y():
    """A file's (x, y) is our (row, column) the other way round."""
    assert from_xy([[3, 1], [4, 2]]).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("degrees", [0, 30, 90, 200])
def test_four_corners_are_a_rotated_box(degrees):
    """The corners of a box give the box back."""
    box = Box(10, 20, 14, 30, degrees)

    # An upright one may begin at another corner.
    found, corners = (np.round(each, 9).tolist() for each in (turned_box(box.corners()).corners(), box.corners()))
    assert sorted(found) == sorted(corners)


def test_a_box_is_the_smallest_around_its_points():
    """In whatever order they come."""
    assert box_of(SQUARE[::-1] + 1) == Box(1, 1, 3, 3)


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("direction", [1, -1])
def test_a_box_whose_sides_are_upright_is_upright(start, direction):
    """From whichever corner it was drawn, and either way around."""
    corners = np.array([(10, 20), (10, 60), (40, 60), (40, 20)], float)

    assert turned_box(np.roll(corners, start, 0)[::direction]) == Box(10, 20, 40, 60)
