r"""Ascent of the joint dual, equation 67: edges one by one, rows by Newton's steps, with a gap that goes to 0."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from weakseg.kernels.box_gap import gap_and_violation
from weakseg.kernels.edge_ascent import climb
from weakseg.kernels.neighbours import ends
from weakseg.solvers.certificate import Answer
from weakseg.solvers.dual_projection import DualProjection
from weakseg.solvers.joint_grid import JointGrid

FIRST, FACTOR = 10, 1.35
"""Sweeps before the first look at the gap, and how many more there are at each later look than at the one before."""

ROWS = 10
"""Sweeps between two solves for rows, at most."""

EXACT = 1e-9
"""By how much a mean may miss hard rows, as a share of the valid cells."""

UNMOVED = 1e-30
"""1 / mass of a cell in which one class is left."""


@dataclass(frozen=True)
class JointAnswer:
    """Where the ascent ended, in units of the temperature."""

    rows: Answer
    """The projection at the last multipliers of edges; its `probs` are the segmentation of lowest energy found."""
    lowest: float
    """The dual's value: no segmentation costs less."""
    gap: float
    violation: float
    sweeps: int


def ascend(
    grid: JointGrid, projection: DualProjection, first: Answer, tolerance: float, max_sweeps: int
) -> JointAnswer:
    """Climb until the gap per valid cell is within the tolerance.

    Args:
        grid: the problem.
        projection: how rows are solved for, at given multipliers of edges.
        first: the projection without edges: where multipliers begin.
        tolerance: of the gap, in units of the temperature per valid cell.
        max_sweeps: over all edges, at most.
    """
    edges = np.zeros((len(grid.steps), *grid.scores.shape))
    before, mean, steps = edges.copy(), np.zeros_like(grid.scores), np.array(grid.steps)
    inverse = np.where(grid.sure, UNMOVED, 1 / grid.mass)
    rows = replace(first, problem=grid.image.problem)
    taken, within = np.zeros_like(grid.scores), tolerance * grid.image.cells
    answer = _look(grid, rows, taken, None, 0)
    sweep, since, look = 0, 1, FIRST
    while sweep < max_sweeps and max(answer.gap, answer.violation) > within:
        count = min(look, max_sweeps) - sweep
        if rows.multipliers.size:
            count = min(count, ROWS)
            rows = projection.climb([grid.tilted(taken)], [rows.multipliers[0]])[0]
        climb(_finite(grid, rows), edges, before, mean, inverse, grid.half, steps, since, count)
        sweep, since, taken = sweep + count, since + count, _taken(grid, edges)
        if sweep < min(look, max_sweeps):
            continue
        look = int(FACTOR * look) + 1
        if rows.multipliers.size:
            rows = projection.climb([grid.tilted(taken)], [rows.multipliers[0]])[0]
        found = _look(grid, rows, taken, mean, sweep)
        # Momentum that led downwards is lost, and what was averaged with it.
        since = 1 if found.lowest < answer.lowest else since
        answer = _better(answer, found)
    return answer


def _taken(grid: JointGrid, edges: Float[np.ndarray, "D C h w"]) -> Float[np.ndarray, "C h w"]:
    """What edges add to each cell: what enters it less what leaves it."""
    taken = np.zeros_like(grid.scores)
    for edge, step in zip(edges, grid.steps, strict=True):
        (near, far), flow = ends(taken, step), ends(edge, step)[0]
        near -= flow
        far += flow
    return taken


def _finite(grid: JointGrid, rows: Answer) -> Float[np.ndarray, "C h w"]:
    """Scores with rows; what is not allowed lies so low that no edge lifts it to where anything is likely."""
    scores = _tilted_scores(grid, rows)
    lift = 8 * len(grid.half) * float((grid.half.max(0) / grid.mass).max())
    allowed = scores > -np.inf
    lowest = float(scores[allowed].min()) - lift - 1e3
    return np.where(allowed, scores, lowest)


def _tilted_scores(grid: JointGrid, rows: Answer) -> Float[np.ndarray, "C h w"]:
    """The scores with what rows add where they can change anything; the rest is counted by `_of_rows`."""
    if not rows.multipliers.size:
        return grid.scores
    tilt = rows.problem.tilt(torch.from_numpy(rows.multipliers))[0].expand(-1, grid.mass.size).numpy()
    return np.where(grid.moved, grid.scores + tilt.reshape(grid.scores.shape), grid.scores)


def _of_rows(grid: JointGrid, rows: Answer) -> float:
    """What the multipliers of rows promise, less what they gain where one class is left."""
    if not rows.multipliers.size:
        return 0.0
    tilt = rows.problem.tilt(torch.from_numpy(rows.multipliers))[0].expand(-1, grid.mass.size)
    only = torch.where(grid.image.problem.scores[0] > -torch.inf, tilt, 0.0).sum(0)
    gained = only * grid.image.problem.mass[0] * torch.from_numpy(grid.sure.ravel())
    return float((rows.multipliers * rows.problem.bounds.numpy()).sum()) - float(gained.sum())


def _look(grid: JointGrid, rows: Answer, taken, mean, sweep: int) -> JointAnswer:
    """The better of the multipliers' segmentation and the mean one, and how far it is from the dual's value."""
    logits = _tilted_scores(grid, rows) + taken / grid.mass
    top = logits.max(0)
    soft = np.exp(logits - top)
    total = soft.sum(0)
    soft /= total
    lowest = _of_rows(grid, rows) - float((grid.mass * (top + np.log(total))).sum())
    found = _measured(grid, rows, soft, soft, taken)
    if mean is not None:
        # Later sweeps go on with the mean; an answer stays what it was.
        other = _measured(grid, rows, mean.copy(), soft, taken)
        if other[0] < found[0] and other[1] <= max(found[1], EXACT * grid.image.cells):
            found = other
    gap, violation, probs, measured = found
    rows = replace(rows, probs=torch.from_numpy(probs.reshape(len(probs), -1)), measured=measured)
    return JointAnswer(rows, lowest, gap, violation, sweep)


def _measured(grid: JointGrid, rows: Answer, probs, soft, taken):
    """Gap and violation of a segmentation beside the multipliers that led to `soft`, and what rows measure on it."""
    flat = torch.from_numpy(probs.reshape(1, len(probs), -1))
    measured = rows.problem.measured(flat).numpy()
    gap, violation = gap_and_violation(
        rows.problem.bounds.numpy(), rows.problem.prices.numpy(), rows.multipliers, measured
    )
    apart = 0.0
    if probs is not soft:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(probs > 0, probs * (np.log(probs) - np.log(soft)), 0.0)
        apart = float((ratio.sum(0) * grid.mass * ~grid.sure).sum())
    paid = grid.edges(probs) + float((taken * probs).sum())
    return float(gap[0]) + max(paid, 0.0) + apart, float(violation[0]), probs, measured


def _better(old: JointAnswer, new: JointAnswer) -> JointAnswer:
    """The segmentation of lower energy, or of smaller violation where that matters, beside the best bound."""
    lowest = max(old.lowest, new.lowest)
    keep = old.lowest + old.gap < new.lowest + new.gap and old.violation <= new.violation
    best = old if keep else new
    return replace(best, lowest=lowest, gap=best.lowest + best.gap - lowest, sweeps=new.sweeps)
