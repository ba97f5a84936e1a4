"""Bounds raised by flows: true, never lower than without, and close where little holds an image."""

import itertools

import numpy as np
import pytest
from potts_problems import random_problem, smooth_problem, values

from weakseg.cuts import minimise as potts_cut
from weakseg.cuts.flows.expansion_moves import lower_bound
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.minimise import labelled, minimise
from weakseg.cuts.raised_bound import raise_label, raised_bound
from weakseg.cuts.run import begun


@pytest.mark.parametrize("half", [2, 4])
def test_it_is_a_bound_of_all_labellings(half):
    """Of 3 x 3 pixels and 3 labels, with seeds and void."""
    every = np.array([*itertools.product(range(3), repeat=9)], np.int32).reshape(-1, 3, 3)
    for seed in range(40):
        problem = random_problem((3, 3), 3, half, seed, seeds=0.2, void=0.1)
        kept = (problem[3] < 0) | ~problem[2]
        allowed = every[(kept | (every == problem[3])).all((1, 2))]
        assert raised_bound(*problem[:4]) <= values(problem, allowed).min() + 1e-5


@pytest.mark.parametrize("classes", [3, 5, 11])
def test_no_label_lowers_it_and_edges_span_at_most_their_weight(classes):
    """From messages on, label after label, in two turns; heights stay those of the dual variables."""
    for seed in range(10):
        run = begun(*random_problem((9, 13), classes, 4, seed, seeds=0.05, void=0.05), passes=1)
        bounds = [lower_bound(run.potts)]
        for label in [*range(classes)] * 2:
            raise_label(label, run.potts, run.trees)
            bounds.append(lower_bound(run.potts))
        assert (np.diff(bounds) >= 0).all()
        assert bounds[-1] > bounds[0]
        spans = run.potts.dual[:, :, :classes].max(2) - run.potts.dual[:, :, :classes].min(2)
        assert (spans <= run.potts.weight)[run.potts.weight > 0].all()


def test_two_labels_are_raised_to_the_optimum():
    """One flow is the whole of it."""
    for seed in range(20):
        problem = random_problem((9, 14), 2, 4, seed, seeds=0.1)
        assert raised_bound(*problem[:4]) == pytest.approx(minimise(*problem, 20).energies[-1], abs=1e-4)


def test_little_data_leaves_a_bound_within_five_percent_and_the_same_labels():
    """Where the bound that comes with the moves lies more than a tenth below the energy."""
    unary, *rest = smooth_problem(120, 4)
    problem = unary - unary.min(0), *rest
    alone, cut = labelled(*problem, 10), minimise(*problem, 10)
    energy = labelling_energy(*problem[:3], cut.labels)
    assert (alone.labels == cut.labels).all()
    assert energy - alone.bound > 0.1 * abs(energy)
    assert 0 <= energy - cut.bound <= 0.05 * abs(energy)


def test_it_is_not_sought_where_the_gap_is_small(monkeypatch):
    """It costs as much again as the labels."""
    monkeypatch.setattr(potts_cut, "raised_bound", lambda *problem: pytest.fail("sought"))
    unary, weight, *rest = random_problem((12, 12), 4, 4, 0)
    minimise(5 * unary, weight, *rest, 20)
