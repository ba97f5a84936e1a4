r"""Ascent of the joint dual with a vanishing gap, equation `joint-dual`.

Edges take coordinate steps one by one, rows take Newton steps.

On a CPU each image climbs by itself, compiled, because a CPU's cache holds one image and not a batch; on other devices
the images of a batch climb together, in torch, because a step costs about the same for one and for many.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.joint.edges.edge_ascent_torch import SweepState
from weakseg.joint.edges.engine import COMPILED, TORCH, Engine
from weakseg.joint.joint_grid import JointGrid, side_by_side
from weakseg.projection.certificate import Answer
from weakseg.projection.dual_projection import DualProjection
from weakseg.projection.duality_gap import gap_and_violation

BLOCK = 20
"""Sweeps between two solves for the rows. Gaps are computed after some of these blocks."""

FALL = 2.5
"""Power of the number of sweeps by which the gap falls, about."""

FURTHEST = 1.5
"""Largest factor by which the number of sweeps grows until the gap is computed again."""

EXACT = 1e-9
"""Violation of hard rows that the mean may have, as a fraction of the valid cells."""

UNMOVED = 1e-30
"""Reciprocal mass of a cell in which one class is left: such a cell does not move."""


SINGLE = 1e-7
"""Relative rounding of single precision."""


@dataclass(frozen=True)
class JointAnswer:
    """Result of an image's ascent, in units of the temperature."""

    rows: Answer
    """The projection at the last edge multipliers; its `probs` are the segmentation of lowest energy found."""
    lowest: float
    """The dual value, a lower bound of the energy."""
    gap: float
    violation: float
    sweeps: int


@dataclass(frozen=True)
class Goal:
    """Stopping criterion, and the inner solver for rows."""

    projection: DualProjection
    """The projection that solves for rows at given edge multipliers."""
    tolerance: float
    """Gap at which an image has converged, in units of the temperature per valid cell."""
    max_sweeps: int
    """Largest number of sweeps over all edges."""


def ascend_apart(grids: Sequence[JointGrid], firsts: Sequence[Answer], goal: Goal) -> list[JointAnswer]:
    """Climb on a CPU, one image at a time.

    `firsts` are the projections without edges.
    """
    with ThreadPoolExecutor(min(len(grids), os.cpu_count() or 1)) as threads:
        climb = lambda grid, first: _ascend(grid, [first], goal, COMPILED, _precision(grid, goal))[0]  # noqa: E731
        each = threads.map(climb, grids, firsts)
        return list(each)


def ascend_together(grids: Sequence[JointGrid], firsts: Sequence[Answer], goal: Goal) -> list[JointAnswer]:
    """Climb on any device, all images at once.

    `firsts` are the projections without edges.
    """
    return _ascend(side_by_side(grids), firsts, goal, TORCH, torch.float64)


def _precision(grid: JointGrid, goal: Goal) -> torch.dtype:
    """Single precision for sweeps, which are twice as quick in it, where it resolves edges well enough.

    Gaps are computed in double precision from what was found, so that a certificate holds either way.
    """
    # Logarithms move by up to edge weight over mass in a sweep. Where one rounding of that is above a tenth of the
    # tolerance, single precision would never get there.
    coarse = SINGLE * float((grid.half.amax(1) / grid.mass).amax()) > goal.tolerance / 10
    return torch.float64 if coarse else torch.float32


def _ascend(
    grid: JointGrid, firsts: Sequence[Answer], goal: Goal, engine: Engine, precision: torch.dtype
) -> list[JointAnswer]:
    steps, most, within = grid.steps, goal.max_sweeps, goal.tolerance * grid.cells
    edges = grid.scores.new_zeros((len(grid.scores), len(steps), *grid.scores.shape[1:]), dtype=precision)
    swept = SweepState(edges, edges.clone(), torch.zeros_like(grid.scores, dtype=precision))
    # 0 would divide by zero at edges between two such cells.
    inverse, half = torch.where(grid.sure, UNMOVED, 1 / grid.mass).to(precision), grid.half.to(precision)
    rows = [replace(first, problem=image.problem) for first, image in zip(firsts, grid.images, strict=True)]
    answers = [JointAnswer(row, -np.inf, np.inf, np.inf, 0) for row in rows]
    scores, ruled = _finite(grid, rows).to(precision), bool(grid.rows.bounds.shape[1])
    done, since, looks = 0, [1] * len(rows), [float(BLOCK)] * len(rows)
    while done < most and (unconverged := _unconverged(answers, within)).any():
        # Rows and edges take turns. Long runs of sweeps at outdated row multipliers would be climbed back.
        count = min(BLOCK, most - done)
        swept = engine.sweep(swept, scores, inverse, half, steps, since, count)
        done, since = done + count, [number + count for number in since]
        taken = engine.entering(swept.edges, steps)
        if ruled:
            # From the last multipliers, which are near: a few Newton steps.
            rows = goal.projection.climb(grid.tilted(taken), [row.multipliers[0] for row in rows])
            scores = _finite(grid, rows).to(precision)
        # Each image has looks of its own, so that the rest of the batch has no influence on what is found.
        due = unconverged & (done >= np.minimum(looks, most))
        if not due.any():
            continue
        mean = swept.mean.double()
        # The running mean sums to one up to rounding only, in single precision visibly so.
        found = _evaluate(grid, rows, taken, mean / mean.sum(1, keepdim=True), done, engine)
        for i in np.flatnonzero(due):
            # Momentum that lowered the dual restarts, and so does the mean.
            since[i] = 1 if found[i].lowest < answers[i].lowest else since[i]
            answers[i] = _better(answers[i], found[i])
            looks[i] = _next_look(done, answers[i], within[i])
    return answers


def _next_look(done: int, answer: JointAnswer, within: float) -> float:
    """Number of sweeps after which an image may have converged, or fewer.

    It grows geometrically, so that computing gaps stays a fixed part of the work.
    """
    left = max(answer.gap, answer.violation)
    return done * min(FURTHEST, (left / within) ** (1 / FALL)) if within else done * FURTHEST


def _unconverged(answers: Sequence[JointAnswer], within: Float[np.ndarray, " B"]):
    """Mask of the images that have not converged."""
    return np.array([max(answer.gap, answer.violation) for answer in answers]) > within


def _finite(grid: JointGrid, rows: Sequence[Answer]) -> Float[Tensor, "B C h w"]:
    """Scores with rows, finite where a class is deleted.

    Those lie so low that no edge lifts them to where anything is likely.
    """
    scores = _tilted_scores(grid, _multipliers(grid, rows))
    # Real -inf would become nan in differences of two such logarithms.
    allowed = scores > -torch.inf
    lowest = torch.where(allowed, scores, torch.inf).amin((1, 2, 3)) - grid.lift - 1e3
    return torch.where(allowed, scores, lowest[:, None, None, None])


def _multipliers(grid: JointGrid, rows: Sequence[Answer]) -> Float[Tensor, "B N"]:
    return torch.from_numpy(grid.side_of([each.multipliers for each in rows])).to(grid.scores.device)


def _tilted_scores(grid: JointGrid, multipliers: Float[Tensor, "B N"]) -> Float[Tensor, "B C h w"]:
    """Scores with the dual bias of rows where it matters.

    `_row_value` counts the rest.
    """
    if not multipliers.numel():
        return grid.scores
    tilt = grid.rows.tilt(multipliers)
    tilt = tilt.unflatten(2, grid.mass.shape[1:]) if tilt.shape[2] > 1 else tilt[..., None]
    return torch.where(grid.moved[:, None], grid.scores + tilt, grid.scores)


def _row_value(grid: JointGrid, multipliers: Float[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """Dual value of rows, without the cells that can change.

    It is what their multipliers promise, less what they gain where one class is left.
    """
    if not multipliers.numel():
        return grid.mass.new_zeros(len(multipliers))
    # One class is left in such a cell, so the sum over classes is that class's tilt.
    only = torch.where(grid.rows.scores > -torch.inf, grid.rows.tilt(multipliers), 0.0).sum(1)
    gained = only * grid.rows.mass * grid.sure.flatten(1)
    return (multipliers * grid.rows.bounds).sum(1) - gained.sum(1)


def _evaluate(grid: JointGrid, rows: Sequence[Answer], taken, mean, sweep: int, engine: Engine) -> list[JointAnswer]:
    """The better of the current and mean segmentations, with gaps."""
    multipliers = _multipliers(grid, rows)
    # Certificates are computed from scratch in float64, whatever the sweeps were in.
    cells, edges = (grid.mass, grid.moving), (grid.half, grid.steps)
    seen = engine.seen(_tilted_scores(grid, multipliers), taken, mean, cells, edges)
    lowest = (_row_value(grid, multipliers) - seen.partition).tolist()
    side = multipliers.cpu().numpy()
    gap, violation, measured = _evaluated(grid, side, seen.soft, seen.paid)
    other, missed, of_mean = _evaluated(grid, side, mean, seen.mean_paid)
    # The mean is taken only where it is no less feasible: its gap counts prices and not violations of hard rows.
    take = (other < gap) & (missed <= np.maximum(violation, EXACT * grid.cells))
    gap, violation = np.where(take, other, gap), np.where(take, missed, violation)
    measured = np.where(take[:, None], of_mean, measured)
    answers = []
    for i, row in enumerate(rows):
        probs = mean[i] if take[i] else seen.soft[i]
        probs = probs[: row.problem.scores.shape[1]].flatten(1)
        row = replace(row, probs=probs, measured=measured[[i]][:, grid.places[i]])
        answers.append(JointAnswer(row, lowest[i], float(gap[i]), float(violation[i]), sweep))
    return answers


def _evaluated(grid: JointGrid, multipliers: Float[np.ndarray, "B N"], probs, paid: Float[Tensor, " B"]):
    """Gap, violation and row values of some segmentations; `paid` is the edges' part of the gap."""
    if not multipliers.size:
        return paid.cpu().numpy(), np.zeros(len(multipliers)), multipliers
    measured = grid.rows.measured(probs.flatten(2)).cpu().numpy()
    bounds, prices = grid.rows.bounds.cpu().numpy(), grid.rows.prices.cpu().numpy()
    gap, violation = gap_and_violation(bounds, prices, multipliers, measured)
    return gap + paid.cpu().numpy(), violation, measured


def _better(old: JointAnswer, new: JointAnswer) -> JointAnswer:
    """The better answer, with the better lower bound.

    Lower energy is better, or a smaller violation where that matters.
    """
    lowest = max(old.lowest, new.lowest)
    # Lower bound and segmentation are independent: any bound proves something of any segmentation. So the best of both
    # are kept, perhaps from different looks.
    keep = old.lowest + old.gap < new.lowest + new.gap and old.violation <= new.violation
    best = old if keep else new
    return replace(best, lowest=lowest, gap=best.lowest + best.gap - lowest, sweeps=new.sweeps)
