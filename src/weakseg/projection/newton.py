"""Projected Newton ascent of the dual, images side by side.

Each image stops by itself.

Cells are on the device of the problem; multipliers are few and in numpy, in float64.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.projection.bound_qp import newton_move
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.duality_gap import converged

TRIALS = 10
NEAR = 1e-6
"""Promised rise, in nats per cell, below which a step is probably the last: each one squares the remaining error."""
FAR = 20.0
"""Multiplier of a hard row, in nats, above which infeasibility is tested for."""


@runtime_checkable
class Point(Protocol):
    """The distributions that some multipliers lead to."""

    @property
    def measured(self) -> Float[np.ndarray, "B N"]:
        """Value of each row, in cells."""
        ...

    def curvature(self) -> Float[np.ndarray, "B N N"]:
        """Derivative of the row values by the multipliers."""
        ...

    def distributions(self) -> tuple[Float[Tensor, "B C n"], Float[np.ndarray, " B"]]:
        """Distributions, and the sum of mass times log-sum-exp."""
        ...


@runtime_checkable
class Dual(Protocol):
    """Interface of a dual problem to its ascent."""

    def at(self, multipliers: Float[np.ndarray, "B N"]) -> Point:
        """The point of some multipliers."""
        ...

    def final_at(self, multipliers: Float[np.ndarray, "B N"]) -> Point:
        """The same point, prepared for `distributions`.

        It is asked for when it is probably the last one.
        """
        ...

    def support(self, multipliers: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """Support function: largest value of the weighted rows."""
        ...


@dataclass(frozen=True)
class Ascent:
    """Result of an ascent."""

    multipliers: Float[np.ndarray, "B N"]
    point: Point
    steps: Int[np.ndarray, " B"]
    converged: Bool[np.ndarray, " B"]
    """True where gap and violation are within the tolerance."""


@dataclass(frozen=True)
class BoundConstraints:
    """Bound constraints on multipliers, with right-hand sides and cell counts."""

    bounds: Float[np.ndarray, "B N"]
    prices: Float[np.ndarray, "B N"]
    cells: Float[np.ndarray, " B"]

    def converged(
        self, multipliers: Float[np.ndarray, "B N"], measured: Float[np.ndarray, "B N"], tolerance: float
    ) -> Bool[np.ndarray, " B"]:
        """Whether gap and violation are within tolerance, per image.

        For large multipliers float64 resolves less, and the tolerance grows.
        """
        return converged(self.bounds, self.prices, multipliers, measured, self.cells, tolerance)


def bound_constraints(problem: DualProblem, cells: Float[np.ndarray, " B"]) -> BoundConstraints:
    """The bound constraints of a problem with these cell counts."""
    return BoundConstraints(problem.bounds.cpu().numpy(), problem.prices.cpu().numpy(), cells)


def ascend(
    dual: Dual,
    limits: BoundConstraints,
    start: Float[np.ndarray, "B N"],
    tolerance: float,
    max_steps: int,
) -> Ascent:
    """Climb until gap and violation are within the tolerance.

    Images that have converged stay where they are.

    Args:
        dual: in the precision to be solved in.
        limits: bound constraints of the problem.
        start: multipliers to begin with; clipped to the bounds.
        tolerance: of gap (nats) and violation (cells), for each valid cell.
        max_steps: of Newton's iteration.
    """
    # Remembered multipliers may be of other prices, for instance of a relaxation.
    multipliers = np.minimum(np.maximum(start, 0.0), limits.prices)
    point = dual.at(multipliers)
    steps = np.zeros(len(start), dtype=int)
    done = limits.converged(multipliers, point.measured, tolerance)
    for _ in range(max_steps):
        stopped = done | proven_infeasible(dual, limits, multipliers)
        if stopped.all():
            break
        slope = limits.bounds - point.measured
        move = newton_move(point.curvature(), slope, multipliers, limits.prices)
        # Converged images keep their multipliers while the others climb.
        move[stopped] = 0.0
        # The last point also needs distributions; evaluating both in one pass saves one.
        near = ((slope * move).sum(1) <= NEAR * limits.cells).all()
        multipliers, point = _search(dual.final_at if near else dual.at, limits, multipliers, move, slope)
        steps += ~stopped
        done = limits.converged(multipliers, point.measured, tolerance)
    return Ascent(multipliers, point, steps, done)


def _search(lead, limits, multipliers, move, slope):
    """Line search by secants on the concave dual.

    Slopes decide, not values: near the maximum, rounding hides differences of values but not of slopes.
    """
    uphill = (slope * move).sum(1)
    share = np.ones_like(uphill)
    for _ in range(TRIALS):
        at = np.minimum(np.maximum(multipliers + share[:, None] * move, 0.0), limits.prices)
        point = lead(at)
        beyond = ((limits.bounds - point.measured) * move).sum(1)
        # The dual is concave: along the move its slope only falls. Half as steep downhill as it was uphill is past the
        # top by less than the way to it.
        good = beyond >= -0.5 * uphill
        if good.all():
            break
        # Where it is good, the ratio may be 0 / 0.
        # Not more than to a twentieth at a time, since curvature may be very uneven; not less than to six tenths, or it
        # takes too many trials.
        secant = np.clip(uphill / np.where(good, 1.0, uphill - beyond), 0.05, 0.6)
        share = np.where(good, share, share * secant)
    return at, point


def proven_infeasible(
    dual: Dual, limits: BoundConstraints, multipliers: Float[np.ndarray, "B N"]
) -> Bool[np.ndarray, " B"]:
    """Whether the multipliers already prove infeasibility, equation `infeasible`."""
    hard = np.where(np.isinf(limits.prices), multipliers, 0.0)
    # Such a proof needs large multipliers, and the test costs a pass over the cells.
    if multipliers.max(initial=0.0) <= FAR or not hard.any():
        return np.zeros(len(multipliers), dtype=bool)
    promised, largest = (hard * limits.bounds).sum(1), dual.support(hard)
    # A margin, so that rounding proves nothing: rows that are just feasible reach their bound exactly.
    return promised > largest + 1e-6 * np.maximum(np.abs(promised), np.abs(largest))
