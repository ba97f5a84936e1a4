"""The Potts model on a volume: edges within slices and between them, written out voxel by voxel."""

from itertools import product
from math import exp, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.energies import ColorContrast, GridPotts, VolumePotts
from weakseg.errors import RecipeInvalid

WITHIN = {6: [(0, 0, 1), (0, 1, 0)], 18: [(0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, -1)]}
BETWEEN = {6: [(1, 0, 0)], 18: [(1, 0, 0), (1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1)]}


def volume(seed: int, shape: tuple[int, int, int]):
    """Grey values and validity of (slices, rows, columns)."""
    draw = np.random.default_rng(seed)
    return draw.random(shape).astype(np.float32), draw.random(shape) > 0.2


def tall(values: np.ndarray) -> torch.Tensor:
    """Slices below each other, as one image."""
    return torch.from_numpy(values.reshape(1, -1, values.shape[2]))


@given(
    st.integers(0, 10_000),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from([6, 18]),
    st.sampled_from([0.5, 1.0, 6.7]),
)
def test_every_pair_of_voxels_has_its_weight_and_no_other_pair_has_one(seed, shape, neighbours, slice_px):
    """Likeness times the side of a voxel's cube over the distance; nothing across the end of a slice."""
    grey, valid = volume(seed, shape)
    potts = VolumePotts(shape[0], slice_px, neighbours, ColorContrast(0.05))
    grid = (shape[0] * shape[1], shape[2])
    costs = potts.edge_costs_of(tall(grey)[:, None], tall(valid), grid)[0].numpy()
    found = {}
    for d, (down, right) in enumerate(potts.steps_on(grid)):
        for row, column in zip(*map(np.ndarray.tolist, costs[d].nonzero()), strict=True):
            found[(row, column), (row + down, column + right)] = costs[d, row, column]
    expected, n = {}, max(valid.sum(), 1)
    for step in WITHIN[neighbours] + BETWEEN[neighbours]:
        for place in product(*map(range, shape)):
            other = tuple(a + b for a, b in zip(place, step, strict=True))
            inside = all(0 <= a < size for a, size in zip(other, shape, strict=True))
            if inside and valid[place] and valid[other]:
                distance = sqrt((step[0] * slice_px) ** 2 + step[1] ** 2 + step[2] ** 2)
                alike = exp(-((float(grey[place]) - float(grey[other])) ** 2) / 0.1)
                rows = [(z * shape[1] + y, x) for z, y, x in (place, other)]
                expected[tuple(rows)] = alike * slice_px ** (1 / 3) / distance * n ** (1 / 3) / sqrt(n)
    assert found.keys() == expected.keys()
    for pair, cost in expected.items():
        assert found[pair] == pytest.approx(cost, rel=1e-4)


def test_a_single_slice_is_a_grid():
    """Up to the factor of the cube's side and the number of voxels."""
    grey, valid = volume(0, (1, 6, 5))
    given = tall(grey)[:, None], tall(valid), (6, 5)
    n = valid.sum()
    flat, deep = GridPotts().edge_costs_of(*given), VolumePotts(1, 8.0).edge_costs_of(*given)
    torch.testing.assert_close(deep[:, :4], flat * (2 * n ** (1 / 3 - 1 / 2)))
    assert not deep[:, 4:].any()


def test_a_finer_grid_of_the_same_volume_has_a_surface_of_the_same_cost():
    """A wall through the middle, in cells of half the side: the sums of cut edges, weighted as a solver weighs them."""
    costs = []
    for scale in (1, 2):
        shape = (4 * scale, 8 * scale, 8 * scale)
        valid = torch.ones((1, shape[0] * shape[1], shape[2]), dtype=torch.bool)
        potts = VolumePotts(shape[0], 2.0, 6)
        grid = (valid.shape[1], valid.shape[2])
        edges = potts.edge_costs_of(torch.zeros((1, 1, *grid)), valid, grid)[0]
        cut = edges[0][:, shape[2] // 2 - 1].sum()
        costs.append(float(cut) * valid.sum().item() ** 0.5 / valid.sum().item())
    assert costs[1] == pytest.approx(costs[0], rel=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"slices": 0}, {"slices": 2, "slice_px": 0.0}, {"slices": 2, "slice_px": float("nan")}, {"neighbours": 26}],
)
def test_what_is_no_volume_is_refused(wrong):
    """Before anything is computed."""
    with pytest.raises(RecipeInvalid, match="1 or more slices"):
        VolumePotts(**{"slices": 1} | wrong)


def test_a_grid_that_slices_do_not_divide_is_refused():
    """With both numbers."""
    with pytest.raises(RecipeInvalid, match="3 slices on a grid of 7 rows"):
        VolumePotts(3).steps_on((7, 4))
