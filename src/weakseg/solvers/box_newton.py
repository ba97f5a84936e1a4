r"""Second-order ascent of a concave function of few multipliers in a box, images side by side.

Each step maximises the quadratic model over the box (a primal-dual active set, in the few multipliers only), then
looks along the segment to it. Hintermüller, Ito and Kunisch 2002 for the active set.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.solvers.dual_problem import DualProblem

ACTIVE_SET_ROUNDS = 12
TRIALS = 10


@dataclass(frozen=True)
class Ascent:
    """Where the ascent ended."""

    multipliers: Float[Tensor, "B N"]
    probs: Float[Tensor, "B C n"]
    measured: Float[Tensor, "B N"]
    steps: Int[Tensor, " B"]
    settled: Bool[Tensor, " B"]
    """Gap and violation are within the tolerance."""


def ascend(
    problem: DualProblem, start: Float[Tensor, "B N"], per_cell: Float[Tensor, " B"], tolerance: float, max_steps: int
) -> Ascent:
    """Climb until gap and violation per cell are within the tolerance; an image that is there stays there.

    Args:
        problem: in the precision to be solved in.
        start: multipliers to begin with; moved into the box.
        per_cell: how many valid cells each image has.
        tolerance: of gap (nats a cell) and violation (share of the cells).
        max_steps: of Newton's iteration.
    """
    multipliers = start.clamp(min=0).minimum(problem.prices)
    probs = problem.probs(multipliers)
    measured = problem.measured(probs)
    steps = torch.zeros(len(start), dtype=torch.long, device=start.device)
    for _ in range(max_steps):
        stopped = unsettled(problem, multipliers, measured) <= tolerance * per_cell
        stopped |= hopeless(problem, multipliers)
        if stopped.all():
            break
        slope = problem.bounds - measured
        curvature = problem.curvature(probs)
        move = newton_move(curvature, slope, multipliers, problem.prices) * ~stopped[:, None]
        multipliers, probs, measured = _search(problem, multipliers, move, slope)
        steps += ~stopped
    settled = unsettled(problem, multipliers, measured) <= tolerance * per_cell
    return Ascent(multipliers, probs, measured, steps, settled)


def unsettled(
    problem: DualProblem, multipliers: Float[Tensor, "B N"], measured: Float[Tensor, "B N"]
) -> Float[Tensor, " B"]:
    """The larger of duality gap and worst violation of a row that must hold, in nats and in cells."""
    return gap(problem, multipliers, measured).maximum(violation(problem, measured))


def gap(
    problem: DualProblem, multipliers: Float[Tensor, "B N"], measured: Float[Tensor, "B N"]
) -> Float[Tensor, " B"]:
    """Primal minus dual value, equation 14; for hard rows that are missed, what they would owe, never negative."""
    missing = problem.bounds - measured
    room = torch.where(problem.prices.isinf(), multipliers, problem.prices - multipliers)
    return torch.where(missing > 0, room * missing, multipliers * -missing).sum(1)


def violation(problem: DualProblem, measured: Float[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """By how many cells the worst of the hard rows is missed."""
    missing = torch.where(problem.prices.isinf(), problem.bounds - measured, 0)
    return torch.cat([missing, missing.new_zeros(len(missing), 1)], 1).amax(1).clamp(min=0)


def hopeless(problem: DualProblem, multipliers: Float[Tensor, "B N"]) -> Bool[Tensor, " B"]:
    """True where the hard rows' multipliers prove that no segmentation obeys them, equation 15."""
    hard = torch.where(problem.prices.isinf(), multipliers, 0)
    # Only a long way from 0 can such a proof have been met; looking for it costs a pass.
    if not (hard > 20).any():
        return torch.zeros(len(hard), dtype=torch.bool, device=hard.device)
    promised, reach = (hard * problem.bounds).sum(1), problem.reach(hard)
    return promised > reach + 1e-6 * promised.abs().maximum(reach.abs())


def newton_move(
    curvature: Float[Tensor, "B N N"],
    slope: Float[Tensor, "B N"],
    multipliers: Float[Tensor, "B N"],
    prices: Float[Tensor, "B N"],
) -> Float[Tensor, "B N"]:
    """The way to the maximum of the quadratic model over the box; always uphill."""
    diagonal = curvature.diagonal(dim1=1, dim2=2)
    # Rows that say the same thing twice, and saturated cells, make the model flat; a trace of ridge keeps it strict.
    ridge = 1e-10 * diagonal + 1e-14 * diagonal.amax(1, keepdim=True) + 1e-30
    model = curvature + torch.diag_embed(ridge)
    down, up = -multipliers, prices - multipliers
    low, high = (down >= 0) & (slope <= 0), (up <= 0) & (slope >= 0)
    for _ in range(ACTIVE_SET_ROUNDS):
        pinned = torch.where(low, down, torch.where(high, up, 0))
        free = ~(low | high)
        inside = model * (free[:, :, None] & free[:, None, :]) + torch.diag_embed((~free).to(model.dtype))
        right = torch.where(free, slope - (model @ pinned[:, :, None])[:, :, 0], 0)
        move = torch.where(free, torch.linalg.solve(inside, right), pinned)
        left = slope - (model @ move[:, :, None])[:, :, 0]
        next_low = (low & (left <= 0)) | (free & (move < down))
        next_high = (high & (left >= 0)) | (free & (move > up))
        if torch.equal(next_low, low) and torch.equal(next_high, high):
            break
        low, high = next_low, next_high
    move = move.nan_to_num(0.0).maximum(down).minimum(up)
    plain = (slope / (diagonal + ridge)).maximum(down).minimum(up)
    return _damped(torch.where(((slope * move).sum(1) > 0)[:, None], move, plain), slope)


def _damped(move: Float[Tensor, "B N"], slope: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Moves beyond one nat shortened to 1 + log: a class far from its bound grows like an exponential.

    Newton's step from an exponential's flat side is too long by just that logarithm.
    """
    length = move.abs()
    shrink = torch.where(length > 1, (1 + length.clamp(min=1).log()) / length.clamp(min=1), 1.0)
    each = move * shrink
    return torch.where(((slope * each).sum(1) > 0)[:, None], each, move * shrink.amin(1, keepdim=True))


def _search(problem, multipliers, move, slope):
    """Along the segment to a point where the function does not fall steeply; it is concave, so secants find one.

    Slopes decide, not values: near the maximum differences of values drown in rounding, slopes do not.
    """
    uphill = (slope * move).sum(1)
    share = torch.ones_like(uphill)
    for _ in range(TRIALS):
        at = (multipliers + share[:, None] * move).clamp(min=0).minimum(problem.prices)
        probs = problem.probs(at)
        measured = problem.measured(probs)
        beyond = ((problem.bounds - measured) * move).sum(1)
        good = beyond >= -0.5 * uphill
        if good.all():
            break
        secant = (uphill / (uphill - beyond)).clamp(0.05, 0.6)
        share = torch.where(good, share, share * secant)
    return at, probs, measured
