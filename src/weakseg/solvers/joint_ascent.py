r"""Ascent of the joint dual, equation 67: edges line by line, rows by Newton's steps, with a gap that goes to 0."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from weakseg.kernels.box_gap import gap_and_violation
from weakseg.kernels.line_steps import distributions, line_step
from weakseg.kernels.merged_cells import merged_cells
from weakseg.solvers.certificate import Answer
from weakseg.solvers.dual_projection import DualProjection
from weakseg.solvers.joint_grid import JointGrid

LOOKED = 5
"""Sweeps between two looks at the gap."""

BEND, STEEPEST = 0.25, 0.5
"""Curvature of the log-sum-exp that steps count on at first, and its largest: reached where two classes are level."""

ALIKE = (0.01, 0.03)
"""Neighbours whose distributions differ by no more than this are tried as one region, in the rounding."""

EXACT = 1e-9
"""By how much a rounding may miss hard rows, as a share of the valid cells."""


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
        max_sweeps: over all lines, at most.
    """
    shares = [np.zeros_like(grid.scores) for _ in grid.steps]
    before = [share.copy() for share in shares]
    best, momentum, bend, rows = np.inf, 1.0, BEND, replace(first, problem=grid.image.problem)
    answer = _look(grid, projection, rows, np.zeros_like(grid.scores), 0)
    for sweep in range(1, max_sweeps + 1):
        if answer.gap <= tolerance * grid.image.cells and answer.violation <= tolerance * grid.image.cells:
            break
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        for share, last in zip(shares, before, strict=True):
            step = share - last
            last[...] = share
            share += (momentum - 1) / following * step
        taken = np.sum(shares, axis=0)
        if rows.multipliers.size:
            rows = projection.climb([grid.tilted(taken)], [rows.multipliers[0]])[0]
        value = _sweep(grid, rows, shares, taken, bend)
        # What rises went too far: it begins anew without momentum, and in smaller steps.
        bend = min(STEEPEST, 2 * bend) if value > best else bend
        momentum = 1.0 if value > best else following
        best = min(best, value)
        if sweep % LOOKED == 0 or sweep == max_sweeps:
            answer = _better(answer, _look(grid, projection, rows, np.sum(shares, axis=0), sweep))
    return answer


def _sweep(grid: JointGrid, rows: Answer, shares, taken: Float[np.ndarray, "C h w"], bend: float) -> float:
    """All lines in all directions once; minus the dual's value afterwards."""
    scores = _tilted_scores(grid, rows)
    probs = np.empty_like(scores)
    for share, half, (down, right) in zip(shares, grid.half, grid.steps, strict=True):
        _distributions(grid, scores, taken, probs)
        line_step(share, taken, probs, grid.mass, grid.sure, half, bend, down, right)
    return _distributions(grid, scores, taken, probs) + _of_rows(grid, rows)


def _distributions(grid: JointGrid, scores, taken, probs) -> float:
    flat = (len(scores), -1)
    return distributions(scores.reshape(flat), taken.reshape(flat), grid.mass.ravel(), probs.reshape(flat))


def _tilted_scores(grid: JointGrid, rows: Answer) -> Float[np.ndarray, "C h w"]:
    """The scores with what rows add where they can change anything; the rest is counted by `_of_rows`."""
    if not rows.multipliers.size:
        return grid.scores
    tilt = rows.problem.tilt(torch.from_numpy(rows.multipliers))[0].expand(-1, grid.mass.size).numpy()
    return np.where(grid.moved, grid.scores + tilt.reshape(grid.scores.shape), grid.scores)


def _of_rows(grid: JointGrid, rows: Answer) -> float:
    """Minus what the multipliers of rows promise, and what they gain where one class is left."""
    if not rows.multipliers.size:
        return 0.0
    tilt = rows.problem.tilt(torch.from_numpy(rows.multipliers))[0].expand(-1, grid.mass.size)
    only = torch.where(grid.image.problem.scores[0] > -torch.inf, tilt, 0.0).sum(0)
    gained = only * grid.image.problem.mass[0] * torch.from_numpy(grid.sure.ravel())
    return float(gained.sum()) - float((rows.multipliers * rows.problem.bounds.numpy()).sum())


def _look(grid: JointGrid, projection: DualProjection, rows: Answer, taken, sweep: int) -> JointAnswer:
    """The best segmentation near the multipliers, and how far it is from the dual's value."""
    if rows.multipliers.size:
        rows = projection.climb([grid.tilted(taken)], [rows.multipliers[0]])[0]
    soft = np.empty_like(grid.scores)
    lowest = -_distributions(grid, _tilted_scores(grid, rows), taken, soft) - _of_rows(grid, rows)
    found = _measured(grid, rows, soft, soft, taken)
    for alike in ALIKE:
        merged = merged_cells(soft, grid.mass, grid.half, np.array(grid.steps), alike)
        other = _measured(grid, rows, merged, soft, taken)
        if other[0] < found[0] and other[1] <= max(found[1], EXACT * grid.image.cells):
            found = other
    gap, violation, probs, measured = found
    rows = replace(rows, probs=torch.from_numpy(probs.reshape(len(probs), -1)), measured=measured)
    return JointAnswer(rows, lowest, gap, violation, sweep)


def _measured(grid: JointGrid, rows: Answer, probs, soft, taken):
    """Gap and violation of a segmentation beside the multipliers that led to `soft`, and what rows measure on it."""
    flat = torch.from_numpy(probs.reshape(1, len(probs), -1))
    measured = rows.measured if probs is soft else rows.problem.measured(flat).numpy()
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
