"""Newton's ascent of the dual in its box, images side by side, each stopped for itself.

Cells are in torch, wherever they are; multipliers are few and in numpy, in float64.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.solvers.box_quadratic import newton_move
from weakseg.solvers.dual_problem import DualProblem

TRIALS = 10
ROUNDING = 1e-16
FAR = 20.0
"""From what multiplier of a hard row on, in nats, it is looked whether the rows contradict each other."""


@dataclass(frozen=True)
class Ascent:
    """Where the ascent ended."""

    multipliers: Float[np.ndarray, "B N"]
    probs: Float[Tensor, "B C n"]
    measured: Float[np.ndarray, "B N"]
    steps: Int[np.ndarray, " B"]
    settled: Bool[np.ndarray, " B"]
    """Gap and violation are within the tolerance."""


@dataclass(frozen=True)
class Box:
    """Bounds of the rows and largest multipliers, of images side by side."""

    bounds: Float[np.ndarray, "B N"]
    prices: Float[np.ndarray, "B N"]

    def gap(self, multipliers: Float[np.ndarray, "B N"], measured: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """Primal minus dual value, equation 14, in nats; what a missed hard row's multiplier promises counts too."""
        missing = self.bounds - measured
        room = np.where(np.isinf(self.prices), multipliers, self.prices - multipliers)
        return (np.where(missing > 0, room, -multipliers) * missing).sum(1)

    def violation(self, measured: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """By how many cells the worst of the hard rows is missed."""
        return np.where(np.isinf(self.prices), self.bounds - measured, 0.0).max(1, initial=0.0)

    def settled(
        self,
        multipliers: Float[np.ndarray, "B N"],
        measured: Float[np.ndarray, "B N"],
        tolerance: Float[np.ndarray, " B"],
    ) -> Bool[np.ndarray, " B"]:
        """Gap and violation are within the tolerance, or within what float64 can tell of multipliers so large."""
        rounding = ROUNDING * multipliers.max(1, initial=0.0) * (multipliers * np.abs(self.bounds)).sum(1)
        return (self.gap(multipliers, measured) <= tolerance + rounding) & (self.violation(measured) <= tolerance)


def box_of(problem: DualProblem) -> Box:
    """The box of a problem."""
    return Box(problem.bounds.cpu().numpy(), problem.prices.cpu().numpy())


def ascend(
    problem: DualProblem,
    start: Float[np.ndarray, "B N"],
    tolerance: Float[np.ndarray, " B"],
    max_steps: int,
) -> Ascent:
    """Climb until gap and violation are within the tolerance; an image that is there stays there.

    Args:
        problem: in the precision to be solved in.
        start: multipliers to begin with; moved into the box.
        tolerance: of gap (nats) and violation (cells).
        max_steps: of Newton's iteration.
    """
    box = box_of(problem)
    multipliers = np.clip(start, 0.0, box.prices)
    probs, measured = _at(problem, multipliers)
    steps = np.zeros(len(start), dtype=int)
    for _ in range(max_steps):
        stopped = box.settled(multipliers, measured, tolerance) | _hopeless(problem, box, multipliers)
        if stopped.all():
            break
        slope = box.bounds - measured
        move = newton_move(problem.curvature(probs).cpu().numpy(), slope, multipliers, box.prices)
        move[stopped] = 0.0
        multipliers, probs, measured = _search(problem, box, multipliers, move, slope)
        steps += ~stopped
    return Ascent(multipliers, probs, measured, steps, box.settled(multipliers, measured, tolerance))


def _at(problem: DualProblem, multipliers: Float[np.ndarray, "B N"]):
    """The distribution that multipliers lead to, and what the rows measure on it."""
    probs = problem.probs(torch.from_numpy(multipliers))
    return probs, problem.measured(probs).cpu().numpy()


def _search(problem, box, multipliers, move, slope):
    """Along the segment to a point where the function does not fall steeply; it is concave, so secants find one.

    Slopes decide, not values: near the maximum differences of values drown in rounding, slopes do not.
    """
    uphill = (slope * move).sum(1)
    share = np.ones_like(uphill)
    for _ in range(TRIALS):
        at = np.minimum(np.maximum(multipliers + share[:, None] * move, 0.0), box.prices)
        probs, measured = _at(problem, at)
        beyond = ((box.bounds - measured) * move).sum(1)
        good = beyond >= -0.5 * uphill
        if good.all():
            break
        # Where it is good, the ratio may be 0 / 0.
        secant = np.clip(uphill / np.where(good, 1.0, uphill - beyond), 0.05, 0.6)
        share = np.where(good, share, share * secant)
    return at, probs, measured


def _hopeless(problem: DualProblem, box: Box, multipliers: Float[np.ndarray, "B N"]) -> Bool[np.ndarray, " B"]:
    """True where the hard rows' multipliers already prove that no segmentation obeys them, equation 15."""
    hard = np.where(np.isinf(box.prices), multipliers, 0.0)
    # Only a long way from 0 can such a proof be met; looking for it costs a pass.
    if hard.max(initial=0.0) <= FAR:
        return np.zeros(len(hard), dtype=bool)
    promised, reach = (hard * box.bounds).sum(1), problem.reach(torch.from_numpy(hard)).cpu().numpy()
    return promised > reach + 1e-6 * np.maximum(np.abs(promised), np.abs(reach))
