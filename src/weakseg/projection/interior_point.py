"""Primal-dual interior point method for the dual of one image.

docs/theory.md describes it below equation `projected`.

Projected Newton steps have to guess which bounds are active. With hundreds of rows, or bounds thousands of nats away,
the guess fails; an interior point method makes none before the bounds are near.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.linalg import LinAlgError
from scipy.linalg import cho_factor, cho_solve

from weakseg.projection.duality_gap import gap_and_violation
from weakseg.projection.newton import Ascent, BoundConstraints, Dual, Point, proven_infeasible

TRIALS = 30
NEARER = 0.1
"""Factor by which the mean product of multiplier and slope should fall in a step; its square after an easy step."""
INSIDE = 0.995
"""Largest fraction of the distance to the bounds that a step may take."""
NEARBY = 4.0
"""Longest step, as a multiple of the largest multiplier, or in nats while all are below 1."""
TOUCHING = 1e-3
"""Distance to a bound, in nats or as a fraction of the price, below which a multiplier is also tried at that bound."""
ROUNDED = 1e-5
"""Gap that rounding may leave, in nats per cell."""
NOTHING = 1e-16
"""Smallest complementarity product that is aimed for, in nats times cells."""
SMALLEST = 1e-200
"""Smallest distance to a bound that can still be divided by."""
RIDGES = 1e-14, 1e-12, 1e-10, 1e-7
"""Ridges for a matrix whose diagonal is 1. The larger ones serve where rounding has made it indefinite."""


@dataclass(frozen=True)
class Interior:
    """Interior multipliers, as distances to both bounds.

    Near a high price only the distance to it is exact to the last digit.
    """

    low: Float[np.ndarray, " M"]
    room: Float[np.ndarray, " M"]
    """Distance to the price; infinite for hard rows."""
    given: Float[np.ndarray, "1 N"]
    """The multipliers of all rows."""
    point: Point
    slope: Float[np.ndarray, " M"]

    def pull(self, aim: float) -> Float[np.ndarray, " M"]:
        """Gradient of the dual with its barrier."""
        return self.slope + aim / self.low - aim / self.room


Place = Callable[[Float[np.ndarray, " M"], Float[np.ndarray, " M"]], Interior]
"""Function from distances to both bounds to the point they give."""


def ascend_interior(dual: Dual, limits: BoundConstraints, tolerance: float, max_steps: int) -> Ascent:
    """Climb until gap and violation are within the tolerance.

    Args:
        dual: of one image, in float64.
        limits: bound constraints of the problem.
        tolerance: of gap (nats) and violation (cells), for each valid cell.
        max_steps: of Newton's iteration.
    """
    rows = np.flatnonzero(limits.prices[0] > 0)
    place, prices = _places(dual, limits, rows), limits.prices[0, rows]
    # Away from both bounds by a tenth: the centre of a box with a price of thousands of nats would begin far from any
    # answer.
    first = np.minimum(0.1, 0.1 * prices)
    now = place(first, prices - first)
    # The barrier's weight starts in the size of the products that it is to balance. The floor serves starts that
    # satisfy every row.
    aim = max(np.abs(now.slope * first).sum(), 1e-3 * limits.cells[0]) / max(len(rows), 1)
    forces = aim / now.low, aim / now.room
    best, least = now, np.inf
    for step in range(max_steps + 1):
        # The best point of all steps is kept, since the last one need not be it where rounding sets in.
        for end in (_on_sides(place, now, prices), now):
            gap, violation = gap_and_violation(limits.bounds, limits.prices, end.given, end.point.measured)
            short = float(max(gap[0], violation[0]))
            if short < least:
                best, least = end, short
        if least <= tolerance * limits.cells[0] or step == max_steps:
            break
        if proven_infeasible(dual, limits, now.given).all():
            break
        now, forces, aim = _step(place, now, forces, aim, now.point.curvature()[0][np.ix_(rows, rows)])
    # Rounding is tolerated only at the end: rows that nearly undo each other have large multipliers.
    done = limits.converged(best.given, best.point.measured, tolerance) & (least <= ROUNDED * max(limits.cells[0], 1.0))
    return Ascent(best.given, best.point, np.array([step]), done)


def _places(dual: Dual, limits: BoundConstraints, rows: np.ndarray) -> Place:
    prices = limits.prices[0, rows]
    finite = np.where(np.isinf(prices), 0.0, prices)

    def place(low, room):
        given = np.zeros_like(limits.prices)
        # From the nearer bound, because price minus a tiny distance is exact and a large distance from 0 is not.
        given[0, rows] = np.where(low < room, low, finite - np.where(np.isinf(room), 0.0, room))
        point = dual.at(given)
        low, room = np.maximum(low, SMALLEST), np.maximum(room, SMALLEST)
        return Interior(low, room, given, point, (limits.bounds[0] - point.measured[0])[rows])

    return place


def _on_sides(place: Place, now: Interior, prices: Float[np.ndarray, " M"]) -> Interior:
    """Snap multipliers to the bounds they are drawn to.

    That is often the answer to the last digit.
    """
    touching = TOUCHING * np.minimum(prices, 1.0)
    top, bottom = (now.room < touching) & (now.slope > 0), (now.low < touching) & (now.slope < 0)
    if not (top | bottom).any():
        return now
    return place(np.where(bottom, 0.0, np.where(top, prices, now.low)), np.where(top, 0.0, now.room))


def _step(place: Place, now: Interior, forces, aim: float, curvature: Float[np.ndarray, "M M"]):
    """One Newton step towards complementarity products of `aim`.

    Returns the point, the bounds' multipliers and the next aim.
    """
    below, above = forces
    pull = now.pull(aim)
    move = _newton(curvature, below / now.low + above / now.room, pull)
    # Newton's step for the complementarity products, linearised: force times distance should become `aim`. Wright 1997,
    # chapter 1.
    changes = (
        aim / now.low - below - below / now.low * move,
        aim / now.room - above + above / now.room * move,
    )
    there, share, easy = _search(place, now, move, aim, pull)
    length = min(_share_inside(force, change) for force, change in zip(forces, changes, strict=True))
    forces = tuple(
        # Kept within 1e8 of the ideal: products that drift apart make the matrix singular.
        np.clip(force + length * change, 1e-8 * aim / distance, 1e8 * aim / distance)
        for force, change, distance in zip(forces, changes, (there.low, there.room), strict=True)
    )
    if share > 0.5:
        finite = np.isfinite(there.room)
        products = there.low @ forces[0] + there.room[finite] @ forces[1][finite]
        nearer = (NEARER**2 if easy else NEARER) * products / (len(finite) + finite.sum())
        # Never up again, and only after a step that got somewhere: after short steps the barrier has to hold first.
        aim = min(aim, max(nearer, NOTHING))
    return there, forces, aim


def _newton(curvature, barrier, pull):
    """Newton direction of the barrier problem; always uphill."""
    model = curvature + np.diag(barrier)
    scale = 1 / np.sqrt(np.maximum(np.diag(model), SMALLEST))
    # Barrier terms span many orders of magnitude; a unit diagonal makes the ridges comparable.
    model = model * scale[:, None] * scale
    # Near-parallel rows make the scaled matrix singular to rounding; larger ridges cost accuracy.
    for ridge in RIDGES:
        try:
            return scale * cho_solve(cho_factor(model + ridge * np.eye(len(scale)), lower=True), scale * pull)
        except LinAlgError:
            continue
    return scale * scale * pull


def _search(place: Place, now: Interior, move, aim: float, pull):
    """Line search; returns point, step length and ease.

    Slopes decide: it ends where dual and barrier do not fall steeply.
    """
    share = longest = min(_share_inside(now.low, move), _share_inside(now.room, -move), _share_nearby(now, move))
    uphill = pull @ move
    for _ in range(TRIALS):
        there = place(now.low + share * move, now.room - share * move)
        # A slope that is still uphill, or falls by less than half of what it was uphill, is far enough: values are
        # hidden by rounding near the end.
        beyond = there.pull(aim) @ move
        if beyond >= -0.5 * uphill:
            break
        share *= np.clip(uphill / (uphill - beyond), 0.05, 0.6)
    return there, share, share == longest and share > 0.9


def _share_nearby(now: Interior, move) -> float:
    """Largest step to where the curvature at its begin still means something.

    Where nearly all cells are sure it is about 0, and a step would lead millions of nats away, from where none returns.
    """
    return min(1.0, NEARBY * max(1.0, float(np.abs(now.given).max())) / max(float(np.abs(move).max()), SMALLEST))


def _share_inside(distance, change) -> float:
    """Largest step that keeps all distances above 0."""
    shrinks = change < 0
    return min(1.0, INSIDE * float((distance[shrinks] / -change[shrinks]).min())) if shrinks.any() else 1.0
