"""Costs of scribbles in a volume: the density of equation `scribble-density`, voxel by voxel."""

from math import exp, log

import numpy as np
import pytest
import torch
from batches import batch_of

from weakseg import Evidence
from weakseg.appearance import Appearances, ScribbleDensities
from weakseg.appearance.across_slices import costs_across_slices
from weakseg.appearance.scribble_scores import COLOR_WIDTH, NEAREST, SPREAD
from weakseg.types import UNLABELED

SHAPE, SLICE_PX, MISLED = (3, 4, 5), 2.5, 0.01


def scribbled() -> Evidence:
    """A grey volume with scribbles of two of three classes, on two of its slices."""
    draw = np.random.default_rng(0)
    seeds = torch.full(SHAPE, UNLABELED)
    seeds[0, 1, :3], seeds[2, 3, 2:] = 0, 2
    image = torch.from_numpy(0.5 + 0.02 * draw.normal(size=(SHAPE[0], 1, *SHAPE[1:]))).float()
    return Evidence(image, torch.full((SHAPE[0], 3, *SHAPE[1:]), 1 / 3).log(), batch_of(seeds, classes=3).weak)


def density(evidence: Evidence, label: int, voxel: tuple[int, int, int]) -> float:
    """By hand: a Gaussian in colour and place for each scribbled voxel, wide where the nearest is far."""
    longer = max(SHAPE[0] * SLICE_PX, *SHAPE[1:])
    place = lambda at: np.array([at[0] * SLICE_PX, at[1], at[2]]) / longer  # noqa: E731
    grey = evidence.image[:, 0].numpy()
    drawn = [tuple(at) for at in np.argwhere(evidence.weak.seeds.numpy() == label).tolist()]
    squares = [float(((place(voxel) - place(at)) ** 2).sum()) for at in drawn]
    variance = SPREAD**2 * min(squares) + NEAREST**2
    terms = [
        exp(-square / (2 * variance) - float(grey[voxel] - grey[at]) ** 2 / (2 * COLOR_WIDTH**2))
        for square, at in zip(squares, drawn, strict=True)
    ]
    return sum(terms) / (len(drawn) * variance**1.5)


def test_costs_are_those_of_the_density_at_places_in_the_volume():
    """The unscribbled class costs as much as an undecided voxel."""
    evidence = scribbled()
    costs = costs_across_slices(ScribbleDensities(1, MISLED), evidence, SHAPE[1:], SLICE_PX)
    assert costs.shape == (SHAPE[0], 3, *SHAPE[1:])
    for voxel in np.ndindex(SHAPE):
        of = [density(evidence, label, voxel) for label in (0, 2)]
        for label, own in zip((0, 2), of, strict=True):
            expected = -log((1 - MISLED) * own / sum(of) + MISLED / 2)
            z, y, x = voxel
            assert float(costs[z, label, y, x]) == pytest.approx(expected, abs=2e-3)
    assert torch.allclose(costs[:, 1], torch.tensor(log(2)))


def test_sums_are_sums_and_what_is_not_drawn_costs_nothing():
    """Without two scribbled classes a volume has no costs."""
    evidence = scribbled()
    one = ScribbleDensities(1)
    twice = costs_across_slices(Appearances((one, one)), evidence, SHAPE[1:], SLICE_PX)
    torch.testing.assert_close(twice, 2 * costs_across_slices(one, evidence, SHAPE[1:], SLICE_PX))
    evidence.weak.seeds[2] = UNLABELED
    assert not costs_across_slices(one, evidence, SHAPE[1:], SLICE_PX).any()
