"""Values of segmentations under edges: compiled and in torch, beside each other and beside what they are by hand."""

from math import inf
from unittest.mock import patch

import numpy as np
import pytest
import torch
from batches import mixed
from hypothesis import given
from hypothesis import strategies as st

from weakseg import Evidence, JointProjection
from weakseg.grids.neighbours import STEPS, ends
from weakseg.joint import ascent
from weakseg.joint.edges.engine import COMPILED, TORCH


def problem(seed: int, classes: int, size: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    """Edges, half their costs, scores of which some are not allowed, mass, and a segmentation."""
    draw = np.random.default_rng(seed)
    half = np.zeros((1, len(STEPS), *size))
    for d, step in enumerate(STEPS):
        ends(half[:, d], step)[0][...] = draw.uniform(0, 3)
    edges = draw.uniform(-1, 1, (1, len(STEPS), classes, *size)) * half[:, :, None]
    scores = draw.normal(size=(1, classes, *size)) * 3
    scores[:, 1:][draw.random(scores[:, 1:].shape) < 0.2] = -np.inf
    mass = draw.uniform(0.1, 1, (1, *size))
    probs = np.where(scores > -np.inf, draw.random(scores.shape) + 1e-3, 0)
    probs /= probs.sum(1, keepdims=True)
    return tuple(map(torch.from_numpy, (edges, half, scores, mass, probs)))


@given(st.integers(0, 10_000), st.integers(1, 5), st.tuples(st.integers(1, 9), st.integers(1, 40)))
def test_compiled_values_are_those_of_torch(seed, classes, size):
    """Net flows, and what a look finds: a softmax, its partition, and what edges add to both gaps."""
    edges, half, scores, mass, probs = problem(seed, classes, size)
    taken = TORCH.entering(edges, STEPS)
    torch.testing.assert_close(COMPILED.entering(edges, STEPS), taken)
    given = scores, taken, probs, (mass, mass * (mass > 0.3)), (half, STEPS)
    found, expected = COMPILED.seen(*given), TORCH.seen(*given)
    for name, value in vars(expected).items():
        torch.testing.assert_close(getattr(found, name), value, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("engine", [COMPILED, TORCH], ids=["compiled", "torch"])
def test_what_edges_cost_is_what_it_says(engine):
    """Two cells of two classes: the boundary between them less what multipliers took, and the divergence."""
    mean = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]], dtype=torch.float64)
    half, ones = torch.tensor([[[[3.0, 0.0]]]], dtype=torch.float64), torch.ones(1, 1, 2).double()
    even = torch.zeros_like(mean)
    seen = engine.seen(even, even, mean, (ones, ones), (half, ((0, 1),)))
    assert (seen.soft == 0.5).all()
    assert seen.partition.item() == pytest.approx(2 * np.log(2))
    assert seen.paid.item() == 0
    assert seen.mean_paid.item() == pytest.approx(6 + 2 * np.log(2))
    # What the multipliers took lowers the cost by as much, and tilts the softmax.
    taken = -2 * mean
    seen = engine.seen(even, taken, mean, (ones, ones), (half, ((0, 1),)))
    low, high = 1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))
    torch.testing.assert_close(seen.soft, torch.tensor([[[[low, high]], [[high, low]]]], dtype=torch.float64))
    assert seen.mean_paid.item() == pytest.approx(2 - 2 * np.log(low))


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_sweeps_in_single_precision_end_within_the_tolerance(temperature):
    """Both precisions prove a gap within it, so that their energies are no further apart."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    solver = JointProjection(temperature=temperature, cell_px=1, tolerance=1e-5, max_sweeps=3000)
    single = solver.solve(evidence)
    with patch.object(ascent, "SINGLE", inf):
        double = solver.solve(evidence)
    for each in (single, double):
        assert (each.certificate["gap"] <= 1e-5).all()
    torch.testing.assert_close(single.energy, double.energy, atol=1.1e-5, rtol=0)


def test_edges_that_single_precision_cannot_resolve_are_swept_in_double():
    """Edges of a million nats, and a tolerance of a millionth."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    seen = []

    def watched(swept, scores, inverse, half, *rest):
        if half.any():
            seen.append(scores.dtype)
        return COMPILED.sweep(swept, scores, inverse, half, *rest)

    with patch.object(ascent, "COMPILED", ascent.replace(COMPILED, sweep=watched)):
        for changes in ({"edge_weight": 1e5}, {"tolerance": 1e-9}):
            JointProjection(cell_px=1, max_sweeps=20, **changes).solve(evidence)
            assert set(seen) == {torch.float64}
        JointProjection(cell_px=1, max_sweeps=20).solve(evidence)
    assert seen[-1] == torch.float32
