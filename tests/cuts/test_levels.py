"""Large images, solved in cells first: as good as at once, with a true bound, in steps that grow with the pixels."""

import itertools

import numpy as np
import pytest
from potts_problems import random_problem, smooth_problem, value, values

from weakseg.cuts import levels as potts_levels
from weakseg.cuts import minimise as potts_cut
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.levels import doubled, halved, tiles
from weakseg.cuts.minimise import LARGE, minimise
from weakseg.grids.neighbours import STEPS, ends


@pytest.fixture
def small_is_large(monkeypatch):
    """Images of more than four pixels are large, and tiles have four a side."""
    monkeypatch.setattr(potts_cut, "LARGE", 4)
    monkeypatch.setattr(potts_levels, "TILE", 4)


def at_once(problem, monkeypatch):
    """The cut of all pixels, however many there are."""
    with monkeypatch.context() as patched:
        patched.setattr(potts_cut, "LARGE", problem[2].size)
        return minimise(*problem, 20)


@pytest.mark.parametrize("steps", [0, 200])
@pytest.mark.parametrize("half", [2, 4])
def test_bound_optimum_and_energy_are_in_order(half, steps, small_is_large, monkeypatch):
    """Against all labellings of 3 x 3 pixels, whether steps last or not."""
    monkeypatch.setattr(potts_cut, "STEPS_A_PIXEL", steps)
    every = np.array([*itertools.product(range(3), repeat=9)], np.int32).reshape(-1, 3, 3)
    for seed in range(20):
        problem = random_problem((3, 3), 3, half, seed)
        optimum, cut = values(problem, every).min(), minimise(*problem, 20)
        assert cut.bound <= optimum + 1e-5
        assert optimum <= cut.energies[-1] + 1e-5


@pytest.mark.parametrize("steps", [0, 1, 200])
def test_energy_is_that_of_the_labels_and_seeds_hold(steps, small_is_large, monkeypatch):
    """With void, seeds, odd sides, single rows and columns; no move makes it worse."""
    monkeypatch.setattr(potts_cut, "STEPS_A_PIXEL", steps)
    for seed, size in enumerate([(1, 13), (13, 1), (5, 7), (8, 6), (17, 9)] * 4):
        problem = random_problem(size, 2 + seed % 4, 2 + 2 * (seed % 2), seed, seeds=0.2, void=0.2)
        cut, (valid, seeds) = minimise(*problem, 20), problem[2:4]
        assert cut.energies[-1] == pytest.approx(value(problem, cut.labels), rel=1e-5, abs=1e-4)
        assert (np.diff(cut.energies) <= 0).all()
        assert cut.bound <= cut.energies[-1]
        assert (cut.labels[valid & (seeds >= 0)] == seeds[valid & (seeds >= 0)]).all()


def test_two_labels_are_exact_where_it_ends_settled(small_is_large):
    """The bound proves it, as it does at once."""
    settled = 0
    for seed in range(20):
        problem = random_problem((11, 14), 2, 4, seed, seeds=0.1, void=0.1)
        cut = minimise(*problem, 20)
        settled += cut.converged
        assert not cut.converged or cut.bound == pytest.approx(cut.energies[-1], abs=1e-4)
    assert settled >= 10


@pytest.mark.parametrize("steps", [5, 200])
def test_a_large_image_costs_what_it_does_at_once(steps, monkeypatch):
    """Within half a percent, and the bound is below the energy of either; with few steps, by the tiles alone."""
    monkeypatch.setattr(potts_cut, "STEPS_A_PIXEL", steps)
    problem = smooth_problem(300, 3)
    assert problem[2].size > LARGE
    cut, whole = minimise(*problem, 20), at_once(problem, monkeypatch)
    energy = labelling_energy(*problem[:3], cut.labels)
    lowest, highest = sorted([whole.energies[-1], energy])
    assert highest - lowest <= 0.005 * abs(lowest)
    assert cut.bound <= lowest
    assert whole.bound <= lowest


def test_out_of_steps_is_not_settled(monkeypatch):
    """Nobody knows then whether another expansion would help."""
    monkeypatch.setattr(potts_cut, "STEPS_A_PIXEL", 1)
    assert not minimise(*smooth_problem(260, 2), 20).converged


def test_a_good_labelling_to_begin_with_is_never_made_worse(small_is_large, monkeypatch):
    """Even with no step left, and whatever the cells say."""
    for seed in range(10):
        problem = random_problem((12, 9), 4, 4, seed)
        first = at_once(problem, monkeypatch)
        monkeypatch.setattr(potts_cut, "STEPS_A_PIXEL", 0)
        again = minimise(*problem[:4], first.labels, 20)
        assert again.energies[-1] <= first.energies[-1] + 1e-4


def test_images_that_are_not_large_are_cut_at_once(monkeypatch):
    """256 x 256 pixels know no cells; a row more does."""
    asked = []
    monkeypatch.setattr(potts_cut, "from_cells", lambda cells, *problem: asked.append(1) or problem[4])
    for rows in (256, 257):
        problem = random_problem((1, 2), 2, 2, 0)
        grown = [np.zeros((*each.shape[:-2], rows, 256), each.dtype) for each in problem]
        minimise(*grown, 1)
    assert len(asked) == 1


def test_a_cell_costs_what_its_pixels_cost_and_wears_what_most_of_them_wear():
    """Invalid ones cost nothing, and odd sides leave cells of fewer pixels."""
    unary, weight, valid, seeds, begin = random_problem((5, 7), 3, 4, 0, seeds=0.5, void=0.2)
    seeds[:2, :2], valid[:2, :2] = [[1, 1], [2, -1]], True
    cells = halved(unary, weight, valid, seeds, begin)
    labels = np.random.default_rng(0).integers(0, 3, (3, 4)).astype(np.int32)
    free = np.zeros_like(weight)
    fine = labelling_energy(unary, free, valid, doubled(labels, (5, 7)))
    assert labelling_energy(cells[0], 0 * cells[1], cells[2], labels) == pytest.approx(fine, rel=1e-5)
    assert cells[3][0, 0] == 1
    assert (cells[4] == -1).all()


def test_boundaries_of_cells_are_as_long_as_those_of_pixels():
    """Of alike pixels: upright and level ones cost about the same on both, and odd sides and void have no free edge."""
    unary, valid, none = np.zeros((2, 17, 21), np.float32), np.ones((17, 21), bool), np.full((17, 21), -1, np.int32)
    valid[:4, :4] = False
    weight = np.zeros((4, 17, 21), np.float32)
    for edges, step in zip(weight, STEPS, strict=True):
        ends(edges, step)[0][...] = np.logical_and(*ends(valid, step)) / np.hypot(*step)
    cells = halved(unary, weight, valid, none, none)
    for labels in np.indices((9, 11)) > 4:
        coarse = labelling_energy(*cells[:3], labels.astype(np.int32))
        fine = labelling_energy(unary, weight, valid, doubled(labels.astype(np.int32), (17, 21)))
        assert coarse == pytest.approx(fine, rel=0.1)


def test_a_boundary_of_cells_runs_where_it_is_cheapest():
    """A weak edge within a cell, half a cell away, is what the boundary pays for."""
    weight = np.ones((2, 4, 8), np.float32)
    weight[0, :, 7], weight[1, 3] = 0, 0
    weight[0, :, 4] = 0.25
    none = np.full((4, 8), -1, np.int32)
    cells = halved(np.zeros((2, 4, 8), np.float32), weight, np.ones((4, 8), bool), none, none)
    assert cells[1][0].tolist() == [[2, 0.5, 0.5, 0]] * 2


def test_tiles_reach_every_pixel_twice():
    """Their middles too: no pixel is at a tile's rim both times but where four corners meet a side."""
    seen = np.zeros((300, 170), int)
    for shift in (0, potts_levels.TILE // 2):
        for tile in tiles(seen.shape, shift):
            seen[tile] += 1
    assert seen.min() >= 2
