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
    """Net flows, softmax and its partition, what edges cost beyond their multipliers, and the divergence."""
    edges, half, scores, mass, probs = problem(seed, classes, size)
    found, expected = COMPILED.entering(edges, STEPS), TORCH.entering(edges, STEPS)
    torch.testing.assert_close(found, expected)
    for one, other in zip(COMPILED.soften(scores, found, mass), TORCH.soften(scores, expected, mass), strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(COMPILED.paid(probs, found, half, STEPS), TORCH.paid(probs, found, half, STEPS))
    soft = TORCH.soften(scores, expected, mass)[0]
    moving = mass * (mass > 0.3)
    found, expected = COMPILED.divergence(probs, soft, moving), TORCH.divergence(probs, soft, moving)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


def test_what_edges_cost_is_what_it_says():
    """Two cells of two classes: the boundary between them, less what the multipliers took."""
    probs = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]], dtype=torch.float64)
    half, taken = torch.tensor([[[[3.0, 0.0]]]], dtype=torch.float64), torch.zeros_like(probs)
    for engine in (COMPILED, TORCH):
        assert engine.paid(probs, taken, half, ((0, 1),)).item() == 6
        assert engine.paid(probs, taken - 2 * probs, half, ((0, 1),)).item() == 2
        assert engine.divergence(probs, torch.full_like(probs, 0.5), torch.ones(1, 1, 2).double()).item() == (
            pytest.approx(2 * np.log(2))
        )


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
    sweep = COMPILED.sweep
    watched = lambda swept, scores, *rest: (seen.append(scores.dtype), sweep(swept, scores, *rest))[1]  # noqa: E731
    with patch.object(ascent, "COMPILED", ascent.replace(COMPILED, sweep=watched)):
        for changes in ({"edge_weight": 1e5}, {"tolerance": 1e-9}):
            JointProjection(cell_px=1, max_sweeps=20, **changes).solve(evidence)
            assert set(seen) == {torch.float64}
        JointProjection(cell_px=1, max_sweeps=20).solve(evidence)
    assert seen[-1] == torch.float32
