"""Mean field that obeys rows: the constrained optimum where the energy is convex, never uphill, always inside."""

import warnings
from dataclasses import replace
from math import inf

import cvxpy as cp
import numpy as np
import pytest
import torch
from batches import batch_of
from linear_problems import SIZE, Given, evidence_of, random_problem
from torch import Tensor

from weakseg import DualProjection, Evidence, MeanField
from weakseg.constraints.linear_rows import LinearRows, class_row, join
from weakseg.energies import ColorContrast, DenseCRF, GridPotts
from weakseg.energies.relaxations import Quadratic
from weakseg.mean_field.feasible_set import linear_feasible
from weakseg.types import UNLABELED, Memory

CONVEX = GridPotts(neighbours=4, contrast=ColorContrast(variance=inf), relaxation=Quadratic())
"""Half the squared differences of neighbours, each of weight 1."""
CRF = DenseCRF(sxy=0.4, srgb=0.3, compat=3.0, smooth_sxy=0.2, smooth_compat=3.0)
ONE = torch.eye(3, dtype=torch.float64)


def optimum(logits: Tensor, rows: LinearRows, weight: float) -> tuple[float, np.ndarray]:
    """Least free energy and its distribution, from an interior-point solver of general convex problems."""
    log_probs = logits.log_softmax(0).flatten(1).T.numpy()
    pixels, classes = log_probs.shape
    coefficients = rows.coefficients().flatten(2).transpose(1, 2).reshape(len(rows), -1).numpy()
    probs, slack = cp.Variable((pixels, classes)), cp.Variable(len(rows), nonneg=True)
    hard, number = np.isinf(rows.prices.numpy()), np.arange(pixels).reshape(SIZE)
    near = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    far = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    demands = [cp.sum(probs, axis=1) == 1, coefficients @ cp.vec(probs, order="C") >= rows.bounds.numpy() - slack]
    if hard.any():
        demands += [slack[np.flatnonzero(hard)] == 0]
    energy = cp.sum_squares(probs[near] - probs[far]) / 2 / pixels**0.5
    cost = cp.sum(cp.kl_div(probs, np.exp(log_probs))) + np.where(hard, 0, rows.prices.numpy()) @ slack
    problem = cp.Problem(cp.Minimize(weight * energy + cost / pixels), demands)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")
        value = problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return float(value), probs.value.T.reshape(logits.shape)


def demanding(seed: int, marked: bool = True) -> tuple[Evidence, Given]:
    """A random image with two seeds; its third class must cover half, its first at most a fifth."""
    generator = torch.Generator().manual_seed(seed)
    scores, seeds = torch.randn(1, 3, 10, 12, generator=generator), torch.full((1, 10, 12), UNLABELED)
    if marked:
        seeds[0, 2, 3], seeds[0, 7, 8] = 0, 2
    valid = torch.rand(1, 10, 12, generator=generator) > 0.1
    valid[seeds >= 0] = True
    batch, cells = batch_of(seeds, valid, classes=3), float(valid.sum())
    least = class_row(ONE[2], 0.5 * cells, None, inf, "third", grid=(10, 12))
    most = class_row(ONE[0], None, 0.2 * cells, inf, "first", grid=(10, 12))
    return Evidence(batch.image, scores.log_softmax(1), batch.weak), Given((join([least, most], 3, (10, 12)),))


@pytest.mark.parametrize(("damped", "weight", "steps"), [(True, 0.3, 150), (False, 0.02, 40)])
@pytest.mark.parametrize("seed", range(5))
def test_a_convex_energy_is_brought_to_its_constrained_optimum(seed, damped, weight, steps):
    """Rows of all kinds, hard and priced, some of which nobody can obey: value and segmentation.

    Undamped steps overshoot where the energy is strong.
    """
    logits, rows = random_problem(seed)
    value, probs = optimum(logits, rows, weight)
    evidence = evidence_of(logits[None])
    found = MeanField(CONVEX, weight=weight, steps=steps, damped=damped, constraint=Given((rows,))).solve(evidence)
    assert found.energy.item() == pytest.approx(value, abs=1e-6)
    np.testing.assert_allclose(found.target[0].numpy(), probs, atol=2e-4)
    assert found.certificate["violation"] < 1e-9
    assert found.certificate["residual"] < 1e-3


@pytest.mark.parametrize("energy", [CRF, GridPotts()], ids=["dense CRF", "grid Potts"])
def test_free_energy_never_rises_and_rows_and_seeds_hold_at_every_step(energy):
    """For energies that are not convex as well, with void."""
    for seed in range(3):
        evidence, constraint = demanding(seed)
        values = []
        for steps in range(1, 6):
            found = MeanField(energy, weight=3.0, steps=steps, constraint=constraint).solve(evidence)
            values.append(found.energy.item())
            assert found.certificate["violation"] < 1e-9
            assert found.status[0].startswith("Every constraint holds.")
            assert found.target[0, 0, 2, 3] == found.target[0, 2, 7, 8] == 1
        values.insert(0, found.certificate["first_energy"].item())
        assert all(later <= earlier + 1e-9 for earlier, later in zip(values, values[1:], strict=False))
        assert values[-1] < values[0]


def test_rows_matter_and_rows_that_hold_anyway_do_not():
    """Without rows the third class is smaller; with rows that say nothing the answer is that without rows."""
    evidence, constraint = demanding(0)
    valid = evidence.weak.valid[0]
    free, held = MeanField(CRF, weight=0.2), MeanField(CRF, weight=0.2, constraint=constraint)
    assert free.solve(evidence).target[0, 2][valid].mean() < 0.45
    assert held.solve(evidence).target[0, 2][valid].mean() == pytest.approx(0.5)
    slack = Given((class_row(ONE[0], 0.0, 500.0, inf, "anything", grid=(10, 12)),))
    same = replace(free, constraint=slack).solve(evidence)
    where = valid.expand(3, 10, 12)
    torch.testing.assert_close(same.target[0][where], free.solve(evidence).target[0][where], atol=1e-6, rtol=0)


def test_without_energy_it_is_the_projection():
    """A weight of 0 leaves the distance to the prediction and the rows."""
    evidence, constraint = demanding(0)
    found, projected = MeanField(CRF, weight=0.0, constraint=constraint), DualProjection(constraint)
    valid = evidence.weak.valid[0].expand(3, 10, 12)
    torch.testing.assert_close(
        found.solve(evidence).target[0][valid], projected.solve(evidence).target[0][valid], atol=1e-5, rtol=0
    )


def test_deleted_classes_stay_deleted():
    """At every pixel, whatever the energy would like."""
    evidence, _ = demanding(0, marked=False)
    gone = replace(
        class_row(ONE[0], 0.0, None, 1.0, "anything", grid=(10, 12)), absent=torch.tensor([False, True, False])
    )
    for damped in (True, False):
        assert (MeanField(CRF, damped=damped, constraint=Given((gone,))).solve(evidence).target[0, 1] == 0).all()


def test_rows_that_contradict_each_other_are_named_and_get_a_price():
    """As in `DualProjection`; the free energy with what is paid still never rises."""
    evidence, _ = demanding(0)
    rows = [class_row(ONE[k], 80.0, None, inf, name, grid=(10, 12)) for k, name in ((0, "first"), (1, "second"))]
    constraint = Given((join(rows, 3, (10, 12)),))
    found = MeanField(CRF, steps=4, constraint=constraint).solve(evidence)
    projected = DualProjection(constraint).solve(evidence)
    assert projected.status[0] in found.status[0]
    assert found.certificate["contradiction"] == pytest.approx(projected.certificate["contradiction"])
    assert found.certificate["slack"] > 0
    assert found.energy <= found.certificate["first_energy"]


def test_rows_that_contradict_each_other_cost_twenty_nats_more_than_the_dearest_other():
    """A priced row that can be held is not given up for them; they are what gives way last."""
    evidence, _ = demanding(0, marked=False)
    rows = [class_row(ONE[k], 80.0, None, inf, name, grid=(10, 12)) for k, name in ((0, "first"), (1, "second"))]
    rows = join([*rows, class_row(ONE[2], 1.0, None, 50.0, "third", grid=(10, 12))], 3, (10, 12))
    softer = linear_feasible(rows, evidence, evidence.log_probs, Memory())
    assert softer.contradiction > 0
    assert softer.rows.prices.tolist() == [70.0, 70.0, 50.0]


def test_without_rows_the_certificate_has_none():
    """And nothing is remembered."""
    found = MeanField(CRF, steps=1).solve(demanding(0)[0])
    assert {*found.certificate} == {"first_energy", "residual"}
    assert found.memory.multipliers is None
