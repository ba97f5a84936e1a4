"""Newton's ascent of the dual in its box, images side by side, each stopped for itself.

Cells are wherever the problem keeps them; multipliers are few and in numpy, in float64.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.projection.bound_qp import newton_move
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.duality_gap import settled

TRIALS = 10
NEAR = 1e-6
"""Rise that a step promises, in nats per cell, from which on it is likely the last: each one squares what is left."""
FAR = 20.0
"""From what multiplier of a hard row on, in nats, it is looked whether the rows contradict each other."""


@runtime_checkable
class Point(Protocol):
    """The distributions that multipliers lead to."""

    @property
    def measured(self) -> Float[np.ndarray, "B N"]:
        """What each row measures there, in cells."""
        ...

    def curvature(self) -> Float[np.ndarray, "B N N"]:
        """Derivative of what is measured by the multipliers."""
        ...

    def written(self) -> tuple[Float[Tensor, "B C n"], Float[np.ndarray, " B"]]:
        """The distributions, and the sum over cells of mass times log-sum-exp."""
        ...


@runtime_checkable
class Dual(Protocol):
    """What is asked of a problem while climbing."""

    def at(self, multipliers: Float[np.ndarray, "B N"]) -> Point:
        """Where they lead."""
        ...

    def last_at(self, multipliers: Float[np.ndarray, "B N"]) -> Point:
        """The same point, when it is likely to be the last one: what `written` gives is then wanted."""
        ...

    def reach(self, multipliers: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """The largest value of the weighted rows over all segmentations."""
        ...


@dataclass(frozen=True)
class Ascent:
    """Where the ascent ended."""

    multipliers: Float[np.ndarray, "B N"]
    point: Point
    steps: Int[np.ndarray, " B"]
    settled: Bool[np.ndarray, " B"]
    """Gap and violation are within the tolerance."""


@dataclass(frozen=True)
class Box:
    """Bounds of the rows, largest multipliers and how many cells there are, of images side by side."""

    bounds: Float[np.ndarray, "B N"]
    prices: Float[np.ndarray, "B N"]
    cells: Float[np.ndarray, " B"]

    def settled(
        self, multipliers: Float[np.ndarray, "B N"], measured: Float[np.ndarray, "B N"], tolerance: float
    ) -> Bool[np.ndarray, " B"]:
        """Gap and violation are within the tolerance, or within what float64 can tell of multipliers so large."""
        return settled(self.bounds, self.prices, multipliers, measured, self.cells, tolerance)


def box_of(problem: DualProblem, cells: Float[np.ndarray, " B"]) -> Box:
    """The box of a problem with so many valid cells."""
    return Box(problem.bounds.cpu().numpy(), problem.prices.cpu().numpy(), cells)


def ascend(
    dual: Dual,
    box: Box,
    start: Float[np.ndarray, "B N"],
    tolerance: float,
    max_steps: int,
) -> Ascent:
    """Climb until gap and violation are within the tolerance; an image that is there stays there.

    Args:
        dual: in the precision to be solved in.
        box: that of the problem.
        start: multipliers to begin with; moved into the box.
        tolerance: of gap (nats) and violation (cells), for each valid cell.
        max_steps: of Newton's iteration.
    """
    multipliers = np.minimum(np.maximum(start, 0.0), box.prices)
    point = dual.at(multipliers)
    steps = np.zeros(len(start), dtype=int)
    done = box.settled(multipliers, point.measured, tolerance)
    for _ in range(max_steps):
        stopped = done | hopeless(dual, box, multipliers)
        if stopped.all():
            break
        slope = box.bounds - point.measured
        move = newton_move(point.curvature(), slope, multipliers, box.prices)
        move[stopped] = 0.0
        near = ((slope * move).sum(1) <= NEAR * box.cells).all()
        multipliers, point = _search(dual.last_at if near else dual.at, box, multipliers, move, slope)
        steps += ~stopped
        done = box.settled(multipliers, point.measured, tolerance)
    return Ascent(multipliers, point, steps, done)


def _search(lead, box, multipliers, move, slope):
    """Along the segment to a point where the function does not fall steeply; it is concave, so secants find one.

    Slopes decide, not values: near the maximum differences of values drown in rounding, slopes do not.
    """
    uphill = (slope * move).sum(1)
    share = np.ones_like(uphill)
    for _ in range(TRIALS):
        at = np.minimum(np.maximum(multipliers + share[:, None] * move, 0.0), box.prices)
        point = lead(at)
        beyond = ((box.bounds - point.measured) * move).sum(1)
        good = beyond >= -0.5 * uphill
        if good.all():
            break
        # Where it is good, the ratio may be 0 / 0.
        secant = np.clip(uphill / np.where(good, 1.0, uphill - beyond), 0.05, 0.6)
        share = np.where(good, share, share * secant)
    return at, point


def hopeless(dual: Dual, box: Box, multipliers: Float[np.ndarray, "B N"]) -> Bool[np.ndarray, " B"]:
    """True where the hard rows' multipliers already prove that no segmentation obeys them, equation 15."""
    hard = np.where(np.isinf(box.prices), multipliers, 0.0)
    # Only a long way from 0 can such a proof be met; looking for it costs a pass.
    if multipliers.max(initial=0.0) <= FAR or not hard.any():
        return np.zeros(len(multipliers), dtype=bool)
    promised, reach = (hard * box.bounds).sum(1), dual.reach(hard)
    return promised > reach + 1e-6 * np.maximum(np.abs(promised), np.abs(reach))
