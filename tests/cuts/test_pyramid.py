"""Very large images, solved in windows: true energies and bounds, near what the whole costs, the same every time."""

import itertools

import numpy as np
import pytest
from potts_problems import random_problem, smooth_problem, value, values

from weakseg.cuts import in_windows, pyramid
from weakseg.cuts.cut_problem import CutProblem
from weakseg.cuts.in_windows import groups
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.minimise import minimise
from weakseg.cuts.pyramid import solved


@pytest.fixture
def windows_of(monkeypatch):
    """Images above so many pixels are solved in windows of such a side."""

    def choose(whole: int, side: int):
        monkeypatch.setattr(pyramid, "WHOLE", whole)
        monkeypatch.setattr(in_windows, "SIDE", side)

    return choose


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("half", [2, 4])
def test_bound_optimum_and_energy_are_in_order(half, side, windows_of):
    """Against all labellings of 3 x 3 pixels that keep the seeds: the bounds of windows add up to one of the whole."""
    windows_of(4, side)
    every = np.array([*itertools.product(range(3), repeat=9)], np.int32).reshape(-1, 3, 3)
    for seed in range(30):
        problem = random_problem((3, 3), 3, half, seed, seeds=0.2, void=0.1)
        kept = (problem[3] < 0) | ~problem[2]
        optimum = values(problem, every[(kept | (every == problem[3])).all((1, 2))]).min()
        cut = solved(CutProblem(*problem), 20)
        assert cut.windows > 1
        assert cut.bound <= optimum + 1e-4
        assert optimum <= cut.energies[-1] + 1e-4


def test_energy_is_that_of_the_labels_and_seeds_hold(windows_of):
    """With void, seeds, odd sides, single rows and columns."""
    windows_of(6, 5)
    for seed, size in enumerate([(1, 23), (23, 1), (5, 7), (18, 6), (17, 19)] * 4):
        problem = random_problem(size, 2 + seed % 4, 2 + 2 * (seed % 2), seed, seeds=0.2, void=0.2)
        cut, (valid, seeds) = solved(CutProblem(*problem), 20), problem[2:4]
        assert cut.energies[-1] == pytest.approx(value(problem, cut.labels), rel=1e-5, abs=1e-4)
        assert (np.diff(cut.energies) <= 0).all()
        assert cut.bound <= cut.energies[-1]
        assert (cut.labels[valid & (seeds >= 0)] == seeds[valid & (seeds >= 0)]).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_windows_cost_little_more_than_the_whole(classes, windows_of):
    """At most three percent above the energy of the whole, and the bound at most a seventh below."""
    windows_of(1 << 13, 96)
    unary, *rest = smooth_problem(300, classes)
    problem = CutProblem(unary - unary.min(0), *rest)
    cut, whole = solved(problem, 10), minimise(*problem, 10)
    assert cut.windows == 9
    assert whole.energies[-1] * 0.999 <= cut.energies[-1] <= 1.03 * whole.energies[-1]
    assert cut.bound <= whole.energies[-1]
    assert cut.bound >= cut.energies[-1] * 6 / 7


def test_the_same_answer_every_time(windows_of):
    """However threads take turns."""
    windows_of(1 << 10, 32)
    first, *others = (solved(CutProblem(*smooth_problem(150, 3)), 5) for _ in range(3))
    for other in others:
        assert (other.labels == first.labels).all()
        assert (other.bound, *other.energies) == (first.bound, *first.energies)


def test_images_that_are_not_very_large_are_solved_as_a_whole(monkeypatch):
    """512 x 512 pixels know no windows, and have the answer of `minimise`."""
    monkeypatch.setattr(pyramid, "solve_in_windows", lambda *given: pytest.fail("in windows"))
    problem = random_problem((30, 40), 3, 4, 0)
    assert (solved(CutProblem(*problem), 5).labels == minimise(*problem, 5).labels).all()
    assert pyramid.WHOLE == 512 * 512


def test_a_good_labelling_to_begin_with_is_never_made_worse(windows_of):
    """Whatever the cells say."""
    windows_of(16, 6)
    for seed in range(10):
        problem = random_problem((12, 17), 4, 4, seed)
        first = minimise(*problem, 20)
        again = solved(CutProblem(*problem[:4], first.labels), 20)
        assert again.energies[-1] <= labelling_energy(*problem[:3], first.labels) + 1e-4


def test_progress_ends_at_the_number_of_pixels(windows_of):
    """Of all grids that are solved in windows, told in order."""
    windows_of(100, 16)
    told = []
    solved(CutProblem(*random_problem((30, 31), 3, 4, 0)), 3, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 930 + 240)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 930 + 240


def test_windows_cover_everything_once_and_those_of_a_group_do_not_touch(windows_of):
    """So that threads may write where they like."""
    windows_of(4, 7)
    seen = np.zeros((40, 23), int)
    for group in groups(seen.shape):
        here = np.zeros_like(seen)
        for rows, columns in group:
            seen[rows, columns] += 1
            here[max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1] += 1
            assert here[rows, columns].max() == 1
    assert (seen == 1).all()
