"""The graph cut keeps its promises: against brute force, against scipy's flows, and on any input."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from potts_problems import best_move, labels_of, random_problem, value, values

from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.low_memory import without_reuse
from weakseg.cuts.minimise import minimise
from weakseg.cuts.run import begun, finished, improved


@pytest.mark.parametrize("half", [2, 4])
def test_bound_optimum_and_energy_are_in_order_on_all_labellings_of_a_small_grid(half):
    """On 3 x 3 pixels and 3 labels: bound <= best of all 19,683 labellings <= energy."""
    every = np.array([*itertools.product(range(3), repeat=9)], np.int32).reshape(-1, 3, 3)
    for seed in range(40):
        problem = random_problem((3, 3), 3, half, seed)
        optimum = values(problem, every).min()
        cut = minimise(*problem, 20)
        assert cut.bound <= optimum + 1e-5
        assert optimum <= cut.energies[-1] + 1e-5


@pytest.mark.parametrize("half", [2, 4])
def test_two_labels_are_exact(half):
    """With two labels the energy is the optimum, and the bound proves it."""
    for seed in range(40):
        problem = random_problem((7, 9), 2, half, seed, seeds=0.1, void=0.1)
        cut = minimise(*problem, 20)
        assert cut.converged
        assert cut.bound == pytest.approx(cut.energies[-1], abs=1e-4)


@pytest.mark.parametrize("half", [2, 4])
def test_no_expansion_is_left_where_it_says_so(half):
    """scipy's maximum flow finds no expansion of any label that lowers the energy."""
    for seed in range(25):
        problem = random_problem((6, 8), 4, half, seed, seeds=0.1, void=0.1)
        cut = minimise(*problem, 20)
        assert cut.converged
        for alpha in range(4):
            assert best_move(problem, cut.labels, alpha) >= cut.energies[-1] - 1e-4


@given(labels_of())
def test_energy_is_that_of_the_labels_and_never_rises(problem):
    """From the first labelling on, every move lowers the energy or leaves it; seeds hold."""
    cut = minimise(*problem, 20)
    valid, seeds = problem[2], problem[3]
    assert cut.energies[-1] == pytest.approx(value(problem, cut.labels), rel=1e-5, abs=1e-4)
    assert (np.diff(cut.energies) <= 0).all()
    assert cut.bound <= cut.energies[-1]
    assert (cut.labels[valid & (seeds >= 0)] == seeds[valid & (seeds >= 0)]).all()


def test_stopped_after_one_sweep_it_says_what_its_labels_cost():
    """Labels that cost more than they could ever save may not be gone by then; the energy is that of the labels."""
    for seed in range(150, 350):
        unary, weight, valid, seeds, _ = random_problem((4, 5), 6, 4, seed, seeds=0.1)
        draw = np.random.default_rng(seed)
        unary[draw.random(unary.shape) < 0.5] += 50
        problem = 0.1 * unary, weight, valid, seeds, draw.integers(0, 6, valid.shape).astype(np.int32)
        cut = minimise(*problem, 1)
        assert cut.energies[-1] == pytest.approx(value(problem, cut.labels), rel=1e-5, abs=1e-4)
        assert (np.diff(cut.energies) <= 0).all()


@given(labels_of())
def test_without_memory_for_reuse_the_moves_are_the_same_kind(problem):
    """The lean way ends where no expansion helps either, below its start and above its bound."""
    lean = without_reuse(*problem, 20)
    assert lean.converged
    assert (np.diff(lean.energies) <= 0).all()
    assert lean.bound <= lean.energies[-1] + 1e-4
    assert lean.energies[-1] == pytest.approx(value(problem, lean.labels), rel=1e-5, abs=1e-4)
    for alpha in range(len(problem[0])):
        assert best_move(problem, lean.labels, alpha) >= lean.energies[-1] - 1e-3


def test_a_good_labelling_to_begin_with_is_never_made_worse():
    """Started from its own answer, nothing moves."""
    for seed in range(20):
        problem = random_problem((9, 9), 4, 4, seed)
        first = minimise(*problem, 20)
        again = minimise(*problem[:4], first.labels, 20)
        assert again.energies[-1] <= first.energies[-1] + 1e-5


def test_the_bound_is_never_below_the_cheapest_labels_without_edges():
    """However strong the edges: what every pixel costs at least is known without them."""
    for seed in range(20):
        unary, weight, valid, seeds, begin = random_problem((12, 9), 5, 4, seed, seeds=0.1)
        cut = minimise(unary, 50 * weight, valid, seeds, begin, 3)
        cheapest = sum(
            float(unary[seeds[i, j], i, j] if seeds[i, j] >= 0 else unary[:, i, j].min())
            for i, j in zip(*np.nonzero(valid), strict=True)
        )
        assert cut.bound >= cheapest - 1e-4


def test_windows_find_what_expansions_leave():
    """Of twenty problems some end lower than by expansions alone, none higher, and no expansion is left in any."""
    lower = 0
    for seed in range(20):
        problem = random_problem((40, 24), 6, 4, seed, seeds=0.02, void=0.05)
        run = begun(*problem)
        improved(run, 20)
        alone, cut = value(problem, finished(run)), minimise(*problem, 20)
        assert cut.energies[-1] <= alone + 1e-3
        lower += cut.energies[-1] < alone - 1e-3
        assert cut.converged
        assert best_move(problem, cut.labels, seed % 6) >= cut.energies[-1] - 1e-2
    assert lower >= 3


def test_a_label_that_nothing_prefers_leaves_no_marks():
    """Where two labels cost the same, no pixel has excess or deficit for one of them; the energy is still true."""
    unary = np.array([[[3, 1, 2]], [[3, 1, 2]], [[1, 2, 3]]], np.float32)
    weight, none = np.zeros((2, 1, 3), np.float32), np.full((1, 3), -1, np.int32)
    weight[0, 0, :2] = 3, 2
    found = minimise(unary, weight, np.ones((1, 3), bool), none, none, 30)
    energy = labelling_energy(unary, weight, np.ones((1, 3), bool), found.labels)
    assert found.energies[-1] == pytest.approx(energy)
    assert found.bound <= energy
