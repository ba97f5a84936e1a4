"""What Newton's steps along the sides of the box do not reach: prices thousands of nats away, and hundreds of rows."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from linear_problems import SIZE, Given, evidence_of, random_problem
from scipy.optimize import minimize

from weakseg.constraints.linear_rows import LinearRows, class_row, deletion, dense_row, join
from weakseg.grids.known_cells import known_cells
from weakseg.projection.dual_counts import class_counts
from weakseg.projection.dual_projection import DualProjection
from weakseg.projection.dual_torch import TorchDual
from weakseg.projection.grid_problem import grid_problem
from weakseg.projection.interior_point import ascend_interior
from weakseg.projection.newton import bound_constraints

PIXELS = SIZE[0] * SIZE[1]
ONE = torch.eye(4, dtype=torch.float64)


def solved(logits, rows: LinearRows):
    """The projection of one image."""
    return DualProjection(Given((rows,))).solve(evidence_of(logits[None]))


UNMET = {
    "more than there is": (ONE[1], 1.25 * PIXELS),
    "far more than there is": (ONE[1], 5.0 * PIXELS),
    "coefficients that are all 0": (0 * ONE[1], 1.0),
    "all classes together": (torch.ones(4, dtype=torch.float64), 1.1 * PIXELS),
}


@pytest.mark.parametrize("price", [10.0**k for k in range(7)])
@pytest.mark.parametrize(("weights", "bound"), UNMET.values(), ids=UNMET)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_that_nothing_can_meet_costs_its_price_however_high(weights, bound, price, dtype):
    """The multiplier is the price itself, to the last digit, so the gap is 0."""
    row = class_row(weights, bound, None, price, "too much", grid=SIZE)
    solution = solved(random_problem(0)[0].to(dtype), row)
    assert solution.memory.multipliers is not None
    assert solution.memory.multipliers[0].tolist() == [price]
    assert solution.certificate["gap"] == 0
    missed = bound - float((weights[:, None, None] * solution.target[0]).sum())
    assert solution.certificate["slack"].item() == pytest.approx(price * missed / PIXELS, rel=1e-6)
    assert solution.status[0].startswith("Violated: 'too much")


@pytest.mark.parametrize("price", [30.0, 1e2, 1e3, 1e4, 1e6])
def test_a_row_that_asks_for_everything_there_is_ends_where_rounding_does(price):
    """Its multiplier has no best value below the price, and grows by a nat a step until nothing is missed any more."""
    row = class_row(ONE[1], float(PIXELS), None, price, "everything", grid=SIZE)
    solution = solved(random_problem(0)[0], row)
    assert solution.certificate["gap"] <= 1e-10
    assert solution.status == ("Every constraint holds.",)


@pytest.mark.parametrize("price", [1.0, 1e3, 1e6])
def test_the_only_class_there_is_costs_its_price_too(price):
    """Nothing can move at all."""
    row = class_row(ONE[0], 1.25 * PIXELS, None, price, "too much", grid=SIZE)
    only = deletion(torch.tensor([False, True, True, True]), None, SIZE)
    solution = solved(random_problem(0)[0], only + row)
    assert solution.certificate["gap"] == 0
    assert solution.certificate["slack"].item() == pytest.approx(0.25 * price)


@pytest.mark.parametrize("price", [1e3, 1e5])
def test_rows_at_high_prices_that_pull_against_each_other_are_settled(price):
    """More of one class and more of another than there is room for, beside rows that hold: one of them gives way."""
    logits, rows = random_problem(3)
    rows = replace(rows, prices=torch.full_like(rows.prices, price))
    both = [class_row(ONE[k], 0.7 * PIXELS, None, price * (1 + k), f"class {k}", grid=SIZE) for k in (0, 1)]
    rows = join([rows, *both], 4, SIZE)
    solution = solved(logits, rows)
    assert solution.status[0].startswith("Violated")
    assert solution.certificate["gap"] < 1e-6 * price
    assert solution.energy.item() == pytest.approx(best_dual(logits, rows), rel=1e-6)


def best_dual(logits, rows: LinearRows) -> float:
    """The highest dual value that L-BFGS-B finds from either end of the box, in nats per pixel."""
    scores = logits.double().log_softmax(0).flatten(1).numpy()
    coefficients, bounds = rows.coefficients().flatten(2).numpy(), rows.bounds.numpy()
    sides = [(0.0, None if price == inf else price) for price in rows.prices.tolist()]

    def lost(multipliers):
        tilted = scores + np.einsum("n,ncp->cp", multipliers, coefficients)
        top = tilted.max(0)
        weight = np.exp(tilted - top)
        value = multipliers @ bounds - (top + np.log(weight.sum(0))).sum()
        return -value / PIXELS, -(bounds - np.einsum("ncp,cp->n", coefficients, weight / weight.sum(0))) / PIXELS

    begins = [np.zeros(len(sides)), np.array([side[1] or 50.0 for side in sides])]
    options = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9}
    found = [minimize(lost, begin, jac=True, bounds=sides, method="L-BFGS-B", options=options) for begin in begins]
    return -min(one.fun for one in found)


@pytest.mark.parametrize("seed", range(6))
def test_a_hard_row_that_barely_holds_is_solved_beside_rows_at_a_price_of_fifty(seed):
    """Few cells are free to choose; the value is at least what L-BFGS-B finds."""
    draw = np.random.default_rng(seed)
    logits, some = torch.from_numpy(draw.normal(0, 5, (4, *SIZE))), torch.from_numpy(draw.normal(size=(4, *SIZE)))
    barely = dense_row(some, float(some.amax(0).sum()) - 0.05, "barely", inf)
    others = [
        dense_row(torch.from_numpy(draw.normal(size=(4, *SIZE))), float(draw.uniform(-1, 1)) * PIXELS / 2, f"{i}", 50.0)
        for i in range(3)
    ]
    rows = join([barely, *others], 4, SIZE)
    solution = solved(logits, rows)
    assert not solution.status[0].startswith("Not converged")
    assert solution.certificate["gap"] < 1e-8
    assert solution.certificate["violation"] < 1e-8
    assert solution.energy.item() >= best_dual(logits, rows) - 1e-6


def test_hundreds_of_priced_rows_are_settled():
    """Far more rows than classes, so most say what others say together."""
    draw, size = np.random.default_rng(0), (20, 20)
    logits = torch.from_numpy(draw.normal(size=(21, *size)))
    rows = [
        class_row(torch.from_numpy(draw.normal(size=21)), float(draw.normal() * 5), None, 2.0, f"{i}", grid=size)
        for i in range(250)
    ]
    solution = DualProjection(Given((join(rows, 21, size),))).solve(evidence_of(logits[None]))
    assert solution.status[0].startswith("Violated")
    assert solution.certificate["gap"] <= 1e-10


@pytest.mark.parametrize("seed", range(20))
def test_from_inside_it_ends_where_the_steps_along_the_sides_do(seed):
    """Rows of all kinds, whole images and regions: one answer, whichever way it is found."""
    logits, rows = random_problem(seed)
    evidence = evidence_of(logits[None])
    image = grid_problem(evidence.log_probs[0], rows, known_cells(evidence.weak, 4, SIZE), 0)
    dual = class_counts(image.problem) or TorchDual(image.problem)
    found = ascend_interior(dual, bound_constraints(image.problem, np.array([image.cells])), 1e-10, 100)
    assert found.converged.all()
    probs, _ = found.point.distributions()
    torch.testing.assert_close(probs[0].reshape(4, *SIZE), solved(logits, rows).target[0], atol=1e-5, rtol=0)


def test_without_steps_it_says_that_it_has_not_arrived():
    """A certificate is never given for less than it says."""
    logits, rows = random_problem(1)
    evidence = evidence_of(logits[None])
    image = grid_problem(evidence.log_probs[0], rows, known_cells(evidence.weak, 4, SIZE), 0)
    found = ascend_interior(
        TorchDual(image.problem), bound_constraints(image.problem, np.array([image.cells])), 1e-10, 0
    )
    assert not found.converged.any()
    assert found.steps.tolist() == [0]
