"""Promises of the curve that simulated scribbles are cut from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from weakseg.data.simulate.curve import curve, depth, middle


def blob(seed: int, size: int = 40) -> np.ndarray:
    """A connected region of random shape."""
    noise = np.random.default_rng(seed).normal(size=(size, size)).cumsum(0).cumsum(1)
    pieces, _ = label(noise > np.median(noise), np.ones((3, 3)))
    return pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()


def draw_curve(region, seed=0):
    """The curve that a seed gives."""
    return curve(region, np.random.default_rng(seed))


@given(st.integers(0, 500), st.integers(0, 5))
def test_every_vertex_lies_on_the_region(shape_seed, seed):
    """A dot at any vertex marks the region, whatever its shape."""
    region = blob(shape_seed)
    at = np.rint(draw_curve(region, seed)).astype(int)
    assert region[at[:, 0], at[:, 1]].all()


@pytest.mark.parametrize("pixels", [[(0, 0)], [(0, 0), (1, 1)], [(0, 0), (0, 1), (0, 2)]])
def test_smallest_regions_have_a_curve(pixels):
    """One pixel, a diagonal pair and a short line are regions too."""
    region = np.zeros((2, 3), bool)
    region[tuple(np.transpose(pixels))] = True
    assert len(draw_curve(region)) >= 1


def test_curve_follows_the_region_from_end_to_end():
    """Along a bent corridor the curve turns the corner: it is longer than the straight line between its ends."""
    corridor = np.zeros((100, 100), bool)
    corridor[:, :12] = corridor[-12:] = True
    points = draw_curve(corridor)
    travelled = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    assert travelled > 130
    assert travelled > 1.2 * np.linalg.norm(points[-1] - points[0])


def test_curve_keeps_clear_of_the_outline():
    """In a wide region no vertex comes near the boundary."""
    region = np.ones((60, 120), bool)
    for seed in range(20):
        at = np.rint(draw_curve(region, seed)).astype(int)
        assert depth(region)[at[:, 0], at[:, 1]].min() >= 4


def test_seed_decides_which_curve():
    """The same generator gives the same curve, another one gives another."""
    region = blob(3)
    assert np.array_equal(draw_curve(region, 1), draw_curve(region, 1))
    assert not np.array_equal(draw_curve(region, 1), draw_curve(region, 2))


def test_vertices_are_evenly_spaced():
    """Cutting vertices off is cutting length off."""
    steps = np.linalg.norm(np.diff(draw_curve(np.ones((50, 200), bool)), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.3


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_shorter_middle_lies_inside_the_longer(n, a, b):
    """The middle part for the smaller length is a part of that for the larger, and never empty."""
    points = np.arange(2.0 * n).reshape(n, 2)
    short, long = (middle(points, length)[:, 0].tolist() for length in sorted((a, b)))
    assert short
    assert set(short) <= set(long)


def test_middle_ends_are_the_dot_and_the_whole():
    """Length 0 is the centre vertex and length 1 everything."""
    points = np.arange(14.0).reshape(7, 2)
    assert middle(points, 0.0).tolist() == [[6.0, 7.0]]
    assert np.array_equal(middle(points, 1.0), points)
