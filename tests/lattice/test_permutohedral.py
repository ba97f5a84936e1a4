"""The lattice stands for a matrix of Gaussians: its laws hold exactly, its entries nearly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from weakseg.errors import EvidenceInvalid
from weakseg.lattice.permutohedral import build

DIMENSIONS = st.integers(1, 8)


def points(seed: int, dimensions: int, count: int = 60, spread: float = 1.0):
    """Random features (d, N) in units of the bandwidth."""
    return np.random.default_rng(seed).normal(0, spread, (dimensions, count)).astype(np.float32)


def values(seed: int, count: int = 60, channels: int = 3):
    """Random values (N, C)."""
    return np.random.default_rng(seed + 1).normal(size=(count, channels)).astype(np.float32)


def gaussian_sums(features, given):
    """Equation `gaussian-sum` as it reads, in float64."""
    apart = ((features[:, :, None].astype(float) - features[:, None]) ** 2).sum(0)
    return np.exp(-apart / 2) @ given


def image(side: int, bandwidth: float, contrast: float):
    """Features (5, N) and values (N, 2) of a smooth image: positions and three colours."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / bandwidth
    colours = gaussian_filter(random.normal(size=(3, side, side)), (0, 4, 4))
    features = np.stack([rows, columns, *(colours / colours.std() * contrast)]).reshape(5, -1).astype(np.float32)
    given = gaussian_filter(random.normal(size=(2, side, side)), (0, 2, 2)).reshape(2, -1).T
    return features, (given / given.std() + 1).astype(np.float32)


@given(seed=st.integers(0, 2**31), dimensions=DIMENSIONS)
def test_every_point_is_a_weighted_mean_of_its_corners(seed, dimensions):
    """Weights are not negative and sum to 1; corners are different ones, and exist."""
    lattice = build(points(seed, dimensions, spread=3.0))
    np.testing.assert_allclose(lattice.weights.sum(1), 1, atol=1e-5)
    assert lattice.weights.min() > -1e-5
    assert all(len(set(row)) == dimensions + 1 for row in lattice.corners.tolist())
    assert set(lattice.corners.ravel().tolist()) == set(range(lattice.size))


@given(seed=st.integers(0, 2**31), dimensions=DIMENSIONS)
def test_neighbours_know_each_other(seed, dimensions):
    """One step along an axis and one step back lead home."""
    lattice = build(points(seed, dimensions))
    for after, before in lattice.neighbours.transpose(0, 2, 1):
        there = np.flatnonzero(after < lattice.size)
        np.testing.assert_array_equal(before[after[there]], there)
        assert (before < lattice.size).sum() == len(there)


@given(seed=st.integers(0, 2**31), dimensions=DIMENSIONS, spread=st.sampled_from([0.3, 1.0, 5.0]))
def test_the_operator_is_symmetric(seed, dimensions, spread):
    """<u, K v> = <K u, v>: it is its own adjoint."""
    lattice = build(points(seed, dimensions, spread=spread))
    left, right = values(seed), values(seed + 5)
    one, other = (left * lattice.filter(right)).sum(0), (lattice.filter(left) * right).sum(0)
    scale = np.abs(lattice.filter(np.abs(right))).sum()
    np.testing.assert_allclose(one, other, atol=1e-5 * scale)


@given(seed=st.integers(0, 2**31), dimensions=DIMENSIONS, factor=st.floats(-3, 3))
def test_the_operator_is_linear(seed, dimensions, factor):
    """Sums and multiples may be taken before or after."""
    lattice = build(points(seed, dimensions))
    one, other = values(seed), values(seed + 5)
    together = lattice.filter(one + np.float32(factor) * other)
    apart = lattice.filter(one) + np.float32(factor) * lattice.filter(other)
    np.testing.assert_allclose(together, apart, atol=1e-4 * np.abs(apart).max())


@pytest.mark.parametrize("channels", [1, 7, 8, 9, 21])
def test_channels_do_not_see_each_other(channels):
    """Any number of them, each as if it were alone."""
    lattice, given = build(points(0, 5)), values(0, channels=channels)
    alone = [lattice.filter(given[:, k : k + 1]) for k in range(channels)]
    np.testing.assert_array_equal(lattice.filter(given), np.concatenate(alone, 1))


@pytest.mark.parametrize(("bandwidth", "error"), [(3, 0.05), (6, 0.07), (12, 0.09)])
def test_smoothing_is_near_the_brute_force_sum(bandwidth, error):
    """Positions alone; relative error in the 2-norm, means over neighbours."""
    features, given = image(40, bandwidth, 1)
    lattice, one = build(features[:2]), np.ones_like(given)
    means = lattice.filter(given) / lattice.filter(one)
    exact = gaussian_sums(features[:2], given) / gaussian_sums(features[:2], one)
    assert np.linalg.norm(means - exact) < error * np.linalg.norm(exact)


@pytest.mark.parametrize("bandwidth", [8, 16, 32])
def test_bilateral_filtering_is_near_the_brute_force_sum(bandwidth):
    """Positions and colours."""
    features, given = image(40, bandwidth, 1.5)
    lattice, one = build(features), np.ones_like(given)
    means = lattice.filter(given) / lattice.filter(one)
    exact = gaussian_sums(features, given) / gaussian_sums(features, one)
    assert np.linalg.norm(means - exact) < 0.12 * np.linalg.norm(exact)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_sums_have_the_scale_of_gaussian_sums(dimensions):
    """Where points are dense, the number of neighbours that count is right within a fifth."""
    features = points(0, dimensions, 3000)
    one = np.ones((3000, 1), np.float32)
    assert build(features).filter(one).sum() == pytest.approx(gaussian_sums(features, one).sum(), rel=0.2)


def test_points_far_apart_do_not_see_each_other():
    """Nothing leaks between them."""
    features = np.array([[0.0, 100.0], [0.0, 0.0]], np.float32)
    assert build(features).filter(np.array([[1.0], [0.0]], np.float32))[1, 0] == 0


def test_the_same_points_in_another_order_give_the_same_sums():
    """Numbers of corners do not depend on who comes first."""
    features, given = points(3, 5), values(3)
    turned = build(features[:, ::-1]).filter(given[::-1])[::-1]
    np.testing.assert_allclose(turned, build(features).filter(given), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [0, 1])
def test_no_point_and_one_point(count):
    """Nobody to sum over; and one who sees himself only."""
    found = build(np.zeros((5, count), np.float32)).filter(np.ones((count, 2), np.float32))
    assert found.shape == (count, 2)
    assert (found > 0).all()


def test_what_has_no_lattice_is_refused():
    """nan, too many dimensions, and bandwidths too small to number the corners."""
    with pytest.raises(EvidenceInvalid, match="nan or infinite"):
        build(np.full((2, 3), np.nan, np.float32))
    with pytest.raises(EvidenceInvalid, match="points of 9 features"):
        build(np.zeros((9, 3), np.float32))
    with pytest.raises(EvidenceInvalid, match="larger bandwidths"):
        build(np.array([[0.0, 1e6]] * 5, np.float32))
