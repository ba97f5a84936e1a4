"""The sweeps in torch: the compiled ones step by step, whatever the batch, and without a wait for the device."""

from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch
from batches import batch_of, mixed
from hypothesis import given
from hypothesis import strategies as st
from joint_problems import as_off_the_cpu, one_of, random_joint
from torch.utils._python_dispatch import TorchDispatchMode

from weakseg import Evidence, JointProjection
from weakseg.constraints import All, SizesWithin
from weakseg.grids.neighbours import STEPS, ends
from weakseg.joint import ascent, joint_projection
from weakseg.joint.ascent import ascend_together
from weakseg.joint.edges.edge_ascent import climb
from weakseg.joint.edges.edge_ascent_torch import SweepState, sweep_tensors
from weakseg.joint.edges.edge_costs_torch import entering_tensors
from weakseg.types import UNLABELED

ACROSS = ((0, 1), (1, 0), (2, 0), (3, 0), (1, -1), (2, 1), (2, -1))
"""Steps of a volume whose slices have two rows, laid below each other."""


def problem(seed: int, images: int, classes: int, size: tuple[int, int], steps: tuple[tuple[int, int], ...]) -> tuple:
    """Where sweeps begin, logarithms, 1 / mass, and prices of edges that do not lead out of the grid."""
    draw = np.random.default_rng(seed)
    shape = (images, len(steps), classes, *size)
    half = draw.uniform(0, draw.choice([0.1, 1, 10]), (images, len(steps), *size))
    inside = np.zeros_like(half)
    for d, step in enumerate(steps):
        ends(inside[:, d], step)[0][...] = 1
    half *= inside * (draw.random(half.shape) < 0.9)
    edges = draw.uniform(-1, 1, shape) * half[:, :, None]
    before = draw.uniform(-1, 1, shape) * half[:, :, None]
    scores = draw.normal(size=(images, classes, *size)) * 3
    scores[draw.random(scores.shape) < 0.1] = -1e3
    inverse = np.where(draw.random((images, *size)) < 0.1, 1e-30, 1 / draw.uniform(0.1, 1, (images, *size)))
    mean = np.zeros_like(scores)
    return SweepState(*map(torch.from_numpy, (edges, before, mean))), *map(torch.from_numpy, (scores, inverse, half))


@given(
    st.integers(0, 10_000),
    st.integers(1, 3),
    st.integers(1, 4),
    st.tuples(st.integers(3, 7), st.integers(1, 7)),
    st.sampled_from([STEPS[:2], STEPS, ACROSS]),
    st.integers(0, 12),
)
def test_sweeps_are_the_compiled_ones(seed, images, classes, size, steps, count):
    """Multipliers and mean of each image, from wherever its momentum is; in a batch as alone."""
    swept, scores, inverse, half = problem(seed, images, classes, size, steps)
    firsts = [1 + 3 * i for i in range(images)]
    expected = []
    for i in range(images):
        copies = tuple(each[i].numpy().copy() for each in (swept.edges, swept.before, swept.mean))
        climb(
            scores[i].numpy(),
            copies,
            inverse[i].numpy(),
            half[i].numpy(),
            np.array(steps),
            firsts[i],
            count,
        )
        expected.append(copies)
    found = sweep_tensors(swept, scores, inverse, half, steps, firsts, count)
    for i, (edges, before, mean) in enumerate(expected):
        np.testing.assert_allclose(found.edges[i].numpy(), edges, atol=1e-9)
        np.testing.assert_allclose(found.before[i].numpy(), before, atol=1e-9)
        np.testing.assert_allclose(found.mean[i].numpy(), mean, atol=1e-9)


@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.tuples(st.integers(3, 7), st.integers(2, 7)),
    st.sampled_from([STEPS, ACROSS]),
)
def test_no_multiplier_leaves_its_box_and_no_sweep_lowers_the_dual_without_momentum(seed, classes, size, steps):
    """Whatever the prices: begun anew for each sweep, momentum is 0."""
    swept, scores, inverse, half = problem(seed, 1, classes, size, steps)
    inverse = inverse.clamp(min=1)
    swept = SweepState(swept.edges, swept.edges.clone(), swept.mean)
    values = []
    for _ in range(5):
        logs = scores + inverse[:, None] * entering_tensors(swept.edges, steps)
        values.append(float(-(logs.logsumexp(1) / inverse).sum()))
        swept = sweep_tensors(swept, scores, inverse, half, steps, [1], 1)
        assert (swept.edges.abs() <= half[:, :, None]).all()
    assert (np.diff(values) >= -1e-9 * np.abs(values[:-1])).all()


def test_single_precision_goes_the_same_way():
    """As far as its digits go."""
    given = problem(0, 2, 3, (9, 8), STEPS)
    single = SweepState(*(each.float() for each in vars(given[0]).values()))
    exact = sweep_tensors(*problem(0, 2, 3, (9, 8), STEPS), STEPS, [1, 1], 20)
    found = sweep_tensors(single, *(each.float() for each in given[1:]), STEPS, [1, 1], 20)
    assert found.mean.dtype == torch.float32
    torch.testing.assert_close(found.mean.double(), exact.mean, atol=1e-4, rtol=0)


class Counted(TorchDispatchMode):
    """Counts operations, views of tensors included."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run it."""
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_sweeps_stay_on_their_device_and_never_wait_for_it():
    """On a device that has no values: what was made elsewhere does not mix with it, and nothing on it can be read."""
    counts = []
    for sweeps in (1, 2):
        there = partial(torch.zeros, dtype=torch.float64, device="meta")
        swept = SweepState(there(2, 4, 3, 6, 5), there(2, 4, 3, 6, 5), there(2, 3, 6, 5))
        with Counted() as seen:
            found = sweep_tensors(swept, there(2, 3, 6, 5), there(2, 6, 5), there(2, 4, 6, 5), STEPS, [1, 4], sweeps)
        assert all(each.device.type == "meta" for each in vars(found).values())
        counts.append(seen.count)
    assert counts[1] - counts[0] < 200, "eight groups of edges, each a few operations and views"


@pytest.mark.parametrize("precision", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_images_together_are_what_they_are_apart(stride, precision):
    """Target, energy, gap, sweeps, multipliers and sentences of a batch with void in it, under rows.

    Sweeps of both are in double precision.
    """
    logits, batch = mixed(stride=stride)
    valid = batch.weak.valid.clone()
    valid[0, :, ::3] = False
    weak = batch_of(batch.weak.seeds.where(valid, UNLABELED), valid, logits.shape[1]).weak
    evidence = Evidence(batch.image, logits.to(precision).log_softmax(1), weak)
    solver = JointProjection(
        All((SizesWithin(),)), temperature=0.3, cell_px=stride, tolerance=1e-4, only_classes_present=False
    )
    with patch.object(ascent, "SINGLE", np.inf):
        apart = solver.solve(evidence)
    with as_off_the_cpu():
        together = solver.solve(evidence)
    torch.testing.assert_close(together.target, apart.target, atol=1e-6, rtol=0)
    torch.testing.assert_close(together.energy, apart.energy, atol=1e-6, rtol=0)
    torch.testing.assert_close(together.certificate["sweeps"], apart.certificate["sweeps"])
    torch.testing.assert_close(together.certificate["gap"], apart.certificate["gap"], atol=1e-7, rtol=0)
    assert together.status == apart.status


@given(st.integers(0, 2**31))
def test_no_image_is_changed_by_the_rest_of_its_batch(seed):
    """Hostile problems: energy and bound of an image alone, to what rounding of other sums can move.

    Alone it is swept in double precision too: in single precision, the default there, strong edges leave gaps of
    thousandths after 20 sweeps, which says nothing about the batch.
    """
    solver, evidence = random_joint(seed)
    with as_off_the_cpu():
        together = solver.solve(evidence)
    for i in range(len(evidence.image)):
        one, seen = one_of(solver, evidence, i)
        with patch.object(ascent, "SINGLE", np.inf):
            alone = one.solve(seen)
        for found, expected in (
            (together.energy, alone.energy),
            (together.certificate["gap"], alone.certificate["gap"]),
        ):
            torch.testing.assert_close(found[i], expected[0], atol=1e-4, rtol=1e-4)
        assert together.status[i] == alone.status[0]


def test_the_ascent_makes_nothing_where_no_device_is_named(monkeypatch):
    """With a default device that has no values, the answer is what it was."""
    logits, batch = mixed()
    solver = JointProjection(SizesWithin(), temperature=0.3, cell_px=1)
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    expected = solver.solve(evidence)

    def elsewhere(*given):
        with torch.device("meta"):
            return ascend_together(*given)

    monkeypatch.setattr(joint_projection, "ascend_apart", elsewhere)
    torch.testing.assert_close(solver.solve(evidence).target, expected.target, atol=1e-4, rtol=0)
