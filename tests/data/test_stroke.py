"""What a pen stroke marks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from weakseg.data.stroke import draw

SIZE = (12, 16)
PLACES = st.tuples(st.floats(-4, SIZE[0] + 3), st.floats(-4, SIZE[1] + 3))
INSIDE = st.tuples(st.floats(0, SIZE[0] - 1), st.floats(0, SIZE[1] - 1))


def marked(points, width_px):
    """Which pixels of an empty canvas a stroke marks."""
    return draw(np.zeros(SIZE, int), np.array(points, float), width_px, 1) == 1


def distance_to_segment(start, stop):
    """Distance of every pixel centre to a segment, from a thousand points on it."""
    on_it = np.linspace(start, stop, 1001)
    centres = np.moveaxis(np.indices(SIZE), 0, -1)
    return np.linalg.norm(centres[:, :, None] - on_it, axis=-1).min(-1)


def test_convention_a_click_on_integers_marks_that_pixel_alone():
    """Pixel centres lie at integers, (row, column)."""
    assert np.argwhere(marked([(3, 5)], 1.0)).tolist() == [[3, 5]]


@given(INSIDE, st.floats(0.1, 6))
def test_a_point_always_marks_the_pixel_it_lies_in(point, width_px):
    """A click never vanishes, wherever a zoom puts it between pixels."""
    row, column = np.floor(np.array(point) + 0.5).astype(int)

    assert marked([point], width_px)[row, column]


@given(PLACES, PLACES, st.floats(1.5, 6))
def test_a_stroke_marks_what_lies_within_half_its_width(start, stop, width_px):
    """A pixel is marked when its centre is within half the pen's width of the curve, and only then."""
    distance, on = distance_to_segment(start, stop), marked([start, stop], width_px)

    assert on[distance <= width_px / 2 - 0.02].all()
    # A thousand points on the longest segment lie 0.02 apart.
    assert not on[distance > width_px / 2 + 0.02].any()


@given(INSIDE, INSIDE)
def test_the_thinnest_stroke_has_no_gaps(start, stop):
    """A pen thinner than a pixel leaves a connected trace."""
    _, pieces = label(marked([start, stop], 0.1), np.ones((3, 3)))  # pyright: ignore

    assert pieces == 1


@given(st.lists(PLACES, min_size=1, max_size=4), st.floats(1.5, 6))
def test_a_curve_is_the_union_of_its_pieces(points, width_px):
    """Vertices are joined in order, and the curve is open."""
    pieces = [marked(points[i : i + 2], width_px) for i in range(max(len(points) - 1, 1))]

    assert (marked(points, width_px) == np.any(pieces, axis=0)).all()


def test_the_canvas_is_left_as_it_was_and_kept_where_nothing_is_drawn():
    """Drawing returns a copy that differs from the canvas on the stroke alone."""
    canvas = np.arange(192).reshape(SIZE)
    before = canvas.copy()

    drawn = draw(canvas, np.array([[2.0, 2.0], [2.0, 9.0]]), 1.0, -5)

    assert (canvas == before).all()
    assert (drawn[2, 2:10] == -5).all()
    drawn[2, 2:10] = canvas[2, 2:10]
    assert (drawn == before).all()


def test_a_stroke_outside_the_canvas_marks_nothing():
    """Parts outside are dropped, on every side."""
    for row, column in ((-9, 3), (30, 3), (3, -9), (3, 40)):
        assert not marked([(row, column), (row + 1, column + 1)], 3.0).any()
