"""A pixel is inside where its centre is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.errors import DataInvalid
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Mask, Plain, Polygon

SIZE = (9, 11)
NUMBERS = st.integers(-40, 140).map(lambda number: number / 10)
RINGS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=6).map(lambda ring: np.array(ring, float))


def painted(shape, size=SIZE):
    """The pixels of a shape on an empty image."""
    canvas = np.zeros(size, bool)
    patch = pixels_of(shape, size)
    patch.on(canvas)[:] = patch.inside
    return canvas


def inside(rings):
    """Where a ray to the left crosses an odd number of edges."""
    rows, columns = np.indices(SIZE) + 0.5
    odd = np.zeros(SIZE, bool)
    for ring in rings:
        for (r0, c0), (r1, c1) in zip(ring, np.roll(ring, -1, 0), strict=True):
            if r0 != r1:
                crossed = (min(r0, r1) <= rows) & (rows < max(r0, r1))
                odd ^= crossed & (c0 + (rows - r0) / (r1 - r0) * (c1 - c0) <= columns)
    return odd


@given(st.lists(st.lists(RINGS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple))
def test_a_polygon_holds_the_centres_that_an_odd_number_of_rings_surround(parts):
    """Edge by edge, with holes, crossings and several parts."""
    assert (painted(Polygon(parts)) == np.any([inside(rings) for rings in parts], 0)).all()


def test_a_square_of_whole_numbers_holds_its_area():
    """From 1 to 4 lie three rows and columns, as in COCO."""
    square = np.array([(1, 1), (1, 4), (4, 4), (4, 1)], float)

    assert np.argwhere(painted(Polygon(((square,),)))).tolist() == [[r, c] for r in (1, 2, 3) for c in (1, 2, 3)]


def test_neighbours_share_no_pixel():
    """Two halves of an image make it up, wherever they meet."""
    for cut in np.linspace(0, 11, 23):
        left = np.array([(0, 0), (0, cut), (9, cut), (9, 0)], float)
        right = np.array([(0, cut), (0, 11), (9, 11), (9, cut)], float)
        halves = [painted(Polygon(((ring,),))) for ring in (left, right)]

        assert (halves[0] ^ halves[1]).all()


@given(NUMBERS, NUMBERS, st.floats(0.3, 6), st.floats(0.3, 6), st.floats(-180, 180))
def test_an_ellipse_holds_the_centres_nearer_than_its_rim(row, column, radius_rows, radius_columns, degrees):
    """By the distance in the ellipse's own frame."""
    found = painted(Ellipse(row, column, radius_rows, radius_columns, degrees))
    rows, columns = np.indices(SIZE) + 0.5
    angle = np.deg2rad(degrees)
    along = (columns - column) * np.cos(angle) + (rows - row) * np.sin(angle)
    across = (rows - row) * np.cos(angle) - (columns - column) * np.sin(angle)
    distance = (along / radius_columns) ** 2 + (across / radius_rows) ** 2

    assert (found == (distance < 1))[np.abs(distance - 1) > 1e-9].all()


def test_a_rotated_box_is_a_polygon():
    """A box of 2 by 6 turned upright covers 6 by 2."""
    assert (painted(Box(4, 1, 6, 7, 90)) == painted(Box(2, 3, 8, 5))).all()


@pytest.mark.parametrize("corner", [(-2, -1), (0, 0), (6, 8), (20, 3), (-9, 0)])
def test_a_mask_that_sticks_out_is_cut(corner):
    """What lies outside the image is dropped."""
    pixels = np.random.default_rng(0).random((5, 6)) > 0.4
    found = painted(Mask(*corner, 5, 6, Plain(pixels)))
    wide = np.zeros((60, 60), bool)
    wide[20 + corner[0] : 25 + corner[0], 20 + corner[1] : 26 + corner[1]] = pixels

    assert (found == wide[20:29, 20:31]).all()


def test_a_mask_larger_than_its_image_is_not_decoded():
    """A few bytes may claim any size."""

    class Never:
        def pixels(self, height, width):
            raise AssertionError

    with pytest.raises(DataInvalid, match="wide and"):
        pixels_of(Mask(0, 0, 10**5, 10**5, Never()), SIZE)


def test_a_long_curve_needs_little_memory():
    """A zigzag across all rows is filled piece by piece."""
    turns = np.arange(6000)
    ring = np.stack([turns % 2 * 400.0, turns / 20], 1)

    assert painted(Polygon(((ring,),)), (400, 300)).any()
