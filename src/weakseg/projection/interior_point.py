"""The dual of one image climbed through the inside of its box, as docs/theory.md says below equation 13.

Newton's steps along the sides of the box have to guess which of them the answer touches. With hundreds of rows, or
sides thousands of nats away, the guess fails; from inside, none is made before the sides are near.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.linalg import LinAlgError
from scipy.linalg import cho_factor, cho_solve

from weakseg.projection.duality_gap import gap_and_violation
from weakseg.projection.newton import Ascent, Box, Dual, Point, hopeless

TRIALS = 30
NEARER = 0.1
"""What is aimed at next, of the mean product of multiplier and slope; its square after an easy step."""
INSIDE = 0.995
"""How much of the way to the sides a step may take."""
TOUCHING = 1e-3
"""Nats from a side, or share of the price, below which a multiplier is tried on that side."""
ROUNDED = 1e-5
"""Gap that may be put down to rounding, in nats per cell."""
NOTHING = 1e-16
"""Smallest product that is aimed at, in nats times cells."""
SMALLEST = 1e-200
"""Distance to a side that can still be divided by."""
RIDGES = 1e-14, 1e-12, 1e-10, 1e-7
"""Added to a matrix whose diagonal is 1; the larger ones only where rounding has made it indefinite."""


@dataclass(frozen=True)
class Inside:
    """Multipliers of the rows that have a price, by their distances to both sides of the box, and where they lead.

    Next to a high price only the distance to it is known to its last digit.
    """

    low: Float[np.ndarray, " M"]
    room: Float[np.ndarray, " M"]
    """Infinite for hard rows."""
    given: Float[np.ndarray, "1 N"]
    """The multipliers of all rows."""
    point: Point
    slope: Float[np.ndarray, " M"]

    def pull(self, aim: float) -> Float[np.ndarray, " M"]:
        """The slope with that of the barrier."""
        return self.slope + aim / self.low - aim / self.room


Place = Callable[[Float[np.ndarray, " M"], Float[np.ndarray, " M"]], Inside]
"""From distances to both sides to where they lead."""


def ascend_inside(dual: Dual, box: Box, tolerance: float, max_steps: int) -> Ascent:
    """Climb until gap and violation are within the tolerance, by a primal-dual interior point method.

    Args:
        dual: of one image, in float64.
        box: that of the problem.
        tolerance: of gap (nats) and violation (cells), for each valid cell.
        max_steps: of Newton's iteration.
    """
    rows = np.flatnonzero(box.prices[0] > 0)
    place, prices = _places(dual, box, rows), box.prices[0, rows]
    first = np.minimum(0.1, 0.1 * prices)
    now = place(first, prices - first)
    aim = max(np.abs(now.slope * first).sum(), 1e-3 * box.cells[0]) / max(len(rows), 1)
    forces = aim / now.low, aim / now.room
    best, least = now, np.inf
    for step in range(max_steps + 1):
        for end in (_on_sides(place, now, prices), now):
            gap, violation = gap_and_violation(box.bounds, box.prices, end.given, end.point.measured)
            short = float(max(gap[0], violation[0]))
            if short < least:
                best, least = end, short
        if least <= tolerance * box.cells[0] or step == max_steps:
            break
        if hopeless(dual, box, now.given).all():
            break
        now, forces, aim = _step(place, now, forces, aim, now.point.curvature()[0][np.ix_(rows, rows)])
    # What rounding hides counts as nothing only now: rows that nearly undo each other have large multipliers.
    done = box.settled(best.given, best.point.measured, tolerance) & (least <= ROUNDED * max(box.cells[0], 1.0))
    return Ascent(best.given, best.point, np.array([step]), done)


def _places(dual: Dual, box: Box, rows: np.ndarray) -> Place:
    prices = box.prices[0, rows]
    finite = np.where(np.isinf(prices), 0.0, prices)

    def place(low, room):
        given = np.zeros_like(box.prices)
        given[0, rows] = np.where(low < room, low, finite - np.where(np.isinf(room), 0.0, room))
        point = dual.at(given)
        low, room = np.maximum(low, SMALLEST), np.maximum(room, SMALLEST)
        return Inside(low, room, given, point, (box.bounds[0] - point.measured[0])[rows])

    return place


def _on_sides(place: Place, now: Inside, prices: Float[np.ndarray, " M"]) -> Inside:
    """The same with multipliers on the sides they are near and drawn to: often the answer, to the last digit."""
    touching = TOUCHING * np.minimum(prices, 1.0)
    top, bottom = (now.room < touching) & (now.slope > 0), (now.low < touching) & (now.slope < 0)
    if not (top | bottom).any():
        return now
    return place(np.where(bottom, 0.0, np.where(top, prices, now.low)), np.where(top, 0.0, now.room))


def _step(place: Place, now: Inside, forces, aim: float, curvature: Float[np.ndarray, "M M"]):
    """Newton's step towards where each force times its distance is `aim`; what is aimed at after it."""
    below, above = forces
    pull = now.pull(aim)
    move = _newton(curvature, below / now.low + above / now.room, pull)
    changes = (
        aim / now.low - below - below / now.low * move,
        aim / now.room - above + above / now.room * move,
    )
    there, share, easy = _search(place, now, move, aim, pull)
    kept = min(_share_inside(force, change) for force, change in zip(forces, changes, strict=True))
    forces = tuple(
        np.clip(force + kept * change, 1e-8 * aim / distance, 1e8 * aim / distance)
        for force, change, distance in zip(forces, changes, (there.low, there.room), strict=True)
    )
    if share > 0.5:
        finite = np.isfinite(there.room)
        products = there.low @ forces[0] + there.room[finite] @ forces[1][finite]
        nearer = (NEARER**2 if easy else NEARER) * products / (len(finite) + finite.sum())
        aim = min(aim, max(nearer, NOTHING))
    return there, forces, aim


def _newton(curvature, barrier, pull):
    """The move to the top of the model; uphill always."""
    model = curvature + np.diag(barrier)
    scale = 1 / np.sqrt(np.maximum(np.diag(model), SMALLEST))
    model = model * scale[:, None] * scale
    for ridge in RIDGES:
        try:
            return scale * cho_solve(cho_factor(model + ridge * np.eye(len(scale)), lower=True), scale * pull)
        except LinAlgError:
            continue
    return scale * scale * pull


def _search(place: Place, now: Inside, move, aim: float, pull):
    """Along the move to where dual and barrier do not fall steeply; how much of it that is, and if that was easy."""
    share = longest = min(_share_inside(now.low, move), _share_inside(now.room, -move))
    uphill = pull @ move
    for _ in range(TRIALS):
        there = place(now.low + share * move, now.room - share * move)
        beyond = there.pull(aim) @ move
        if beyond >= -0.5 * uphill:
            break
        share *= np.clip(uphill / (uphill - beyond), 0.05, 0.6)
    return there, share, share == longest and share > 0.9


def _share_inside(distance, change) -> float:
    """How much of a change leaves all distances above 0."""
    shrinks = change < 0
    return min(1.0, INSIDE * float((distance[shrinks] / -change[shrinks]).min())) if shrinks.any() else 1.0
