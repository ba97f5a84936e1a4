"""Rows that can hold in one way only: what they forbid is deleted first, as their multipliers would be infinite."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.projection.dual_problem import DualProblem

EXACT = 1e-9
"""How near to the best possible value a bound counts as equal to it, in cells a cell."""


def without_forced_zeros(problem: DualProblem) -> DualProblem:
    """One image's problem with forced zeros deleted; rows that this settles bind nothing any more.

    A hard row whose bound is the largest value any segmentation reaches allows only the classes of largest
    coefficient, at every cell: an upper bound of 0 forbids its class, a lower bound of everything forbids the
    others. Deleting may bring other rows to that point, so it repeats.
    """
    settled = torch.zeros_like(problem.bounds[0], dtype=torch.bool)
    candidates = _near_their_reach(problem)
    for _ in range(len(candidates)):
        forced = [row for row in candidates if not settled[row] and _forced(problem, row)]
        if not forced:
            break
        problem = replace(problem, scores=_restricted(problem, forced[0]))
        settled[forced[0]] = True
    if settled.any():
        problem = replace(
            problem,
            bounds=torch.where(settled, torch.zeros_like(problem.bounds), problem.bounds),
            prices=torch.where(settled, torch.zeros_like(problem.prices), problem.prices),
        )
    return problem


def _near_their_reach(problem: DualProblem) -> list[int]:
    """Hard rows that might be forced, by a cheap look: without any, nothing is computed cell by cell."""
    hard = problem.prices[0].isinf().nonzero().flatten().tolist()
    if not hard:
        return []
    lowest = problem.scores.amin(2)
    partly = bool((lowest == -torch.inf).any()) and bool((lowest != problem.scores.amax(2))[lowest == -torch.inf].any())
    if problem.maps is not None or problem.dense is not None or partly:
        return hard
    kept = torch.where((lowest == -torch.inf)[:, None], -torch.inf, problem.weights.double()).amax(2)[0]
    total = float(problem.mass.double().sum())
    # Forbidding a class can lower another row's reach: all hard rows are looked at once one is forced.
    near = problem.bounds[0] >= (kept - EXACT) * total
    return hard if bool(near[hard].any()) else []


def _forced(problem: DualProblem, row: int) -> bool:
    """The bound is what the row reaches at most; a bound beyond it is no forced zero but a contradiction."""
    alone = torch.zeros_like(problem.bounds)
    alone[0, row] = 1.0
    reach, total = float(problem.to(torch.float64).reach(alone)), float(problem.mass.double().sum())
    return abs(float(problem.bounds[0, row]) - reach) <= EXACT * total


def _restricted(problem: DualProblem, row: int) -> Float[Tensor, "1 C n"]:
    """Scores with the classes deleted that the row has no room for, where there is anything to find."""
    alone = torch.zeros_like(problem.bounds)
    alone[0, row] = 1.0
    tilt = torch.where(problem.scores == -torch.inf, -torch.inf, problem.tilt(alone))
    worse = (tilt < tilt.amax(1, keepdim=True)) & (problem.mass > 0)[:, None]
    return torch.where(worse, -torch.inf, problem.scores)
