"""Presolve: delete classes that a tight hard row forbids.

Such rows can hold in one way only, and their multipliers would be infinite.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.projection.dual_problem import DualProblem

EXACT = 1e-9
"""Distance from the largest possible value, in cells per cell, at which a bound counts as tight."""


def presolved(problem: DualProblem) -> DualProblem:
    """One image's problem after presolve.

    Rows that are then always satisfied have no effect.

    A hard row whose bound equals the largest value of any segmentation allows only the classes of largest coefficient,
    at every cell: an upper bound of 0 forbids its class, a lower bound of everything forbids the others. Deletion may
    make other rows tight, so it repeats.
    """
    tight = torch.zeros_like(problem.bounds[0], dtype=torch.bool)
    candidates = _maybe_tight(problem)
    # A row at a time, because each deletion may make others tight.
    for _ in range(len(candidates)):
        forced = [row for row in candidates if not tight[row] and _is_tight(problem, row)]
        if not forced:
            break
        problem = replace(problem, scores=_restricted(problem, forced[0]))
        tight[forced[0]] = True
    if tight.any():
        problem = replace(
            problem,
            bounds=torch.where(tight, torch.zeros_like(problem.bounds), problem.bounds),
            # A price of 0 holds the multiplier at 0, so the row takes no further part.
            prices=torch.where(tight, torch.zeros_like(problem.prices), problem.prices),
        )
    return problem


def _maybe_tight(problem: DualProblem) -> list[int]:
    """Hard rows that may be tight, by a cheap test.

    Without any, nothing is computed cell by cell.
    """
    hard = problem.prices[0].isinf().nonzero().flatten().tolist()
    if not hard:
        return []
    lowest = problem.scores.amin(2)
    partly = bool((lowest == -torch.inf).any()) and bool((lowest != problem.scores.amax(2))[lowest == -torch.inf].any())
    if problem.maps is not None or problem.dense is not None or partly:
        return hard
    largest = torch.where((lowest == -torch.inf)[:, None], -torch.inf, problem.weights.double()).amax(2)[0]
    total = float(problem.mass.double().sum())
    # Forbidding a class can lower another row's largest value: once one is tight, all hard rows are tested.
    near = problem.bounds[0] >= (largest - EXACT) * total
    return hard if bool(near[hard].any()) else []


def _is_tight(problem: DualProblem, row: int) -> bool:
    """Whether a bound equals the row's largest possible value.

    A bound beyond it is an infeasible row, which presolve leaves alone.
    """
    alone = torch.zeros_like(problem.bounds)
    alone[0, row] = 1.0
    largest, total = float(problem.to(torch.float64).support(alone)), float(problem.mass.double().sum())
    return abs(float(problem.bounds[0, row]) - largest) <= EXACT * total


def _restricted(problem: DualProblem, row: int) -> Float[Tensor, "1 C n"]:
    """Scores without the classes that a tight row forbids."""
    alone = torch.zeros_like(problem.bounds)
    alone[0, row] = 1.0
    # The row's own coefficients, without those of deleted classes.
    tilt = torch.where(problem.scores == -torch.inf, -torch.inf, problem.tilt(alone))
    # Fully labelled and void cells have no mass: they take no part in the row, and keep their classes.
    worse = (tilt < tilt.amax(1, keepdim=True)) & (problem.mass > 0)[:, None]
    return torch.where(worse, -torch.inf, problem.scores)
