r"""The best move of a quadratic model in a box: a few multipliers, many images side by side, on the processor.

.. math:: \max_d\; g^\top d - \tfrac12 d^\top H d \quad s.t. \quad -\mu \le d \le \beta - \mu

By a primal-dual active set: Hintermüller, Ito and Kunisch 2002. In numpy, because the arrays hold tens of numbers
and what counts is the cost of a call.
"""

import numpy as np
from jaxtyping import Float

TOGETHER = 6
"""For how many rounds all wrong guesses are corrected at once: quick, but opposite rows can make it go in circles."""
ROUNDS = 100
"""Of correcting one guess at a time, which ends for any strictly concave model; far more than are seen."""

NOTHING = 1e8
"""A move so long, in nats, that the curvature behind it is rounding."""


def newton_move(
    curvature: Float[np.ndarray, "B N N"],
    slope: Float[np.ndarray, "B N"],
    multipliers: Float[np.ndarray, "B N"],
    prices: Float[np.ndarray, "B N"],
) -> Float[np.ndarray, "B N"]:
    """The way to the maximum of the model over the box, shortened where it is long; always uphill."""
    # Where all but one class are deleted the curvature is 0, and rounding can put it below.
    diagonal = np.maximum(np.diagonal(curvature, axis1=1, axis2=2), 0.0)
    # Rows that say the same thing twice, and saturated cells, make the model flat; a trace of ridge keeps it strict.
    ridge = 1e-10 * diagonal + 1e-14 * diagonal.max(1, keepdims=True) + 1e-30
    model = curvature.copy()
    each = np.arange(model.shape[1])
    model[:, each, each] = diagonal + ridge
    down, up = -multipliers, prices - multipliers
    move, exact = _box_maximum(model, slope, down, up)
    exact &= (slope * move).sum(1) >= 0
    if not exact.all():
        plain = np.minimum(np.maximum(slope / model[:, each, each], down), up)
        move = np.where(exact[:, None], move, plain)
    return _damped(move, slope, multipliers)


def _box_maximum(model, slope, down, up):
    """Guess which bounds are met, solve for the rest, correct the guess; and for which images that ended."""
    low, high = (down >= 0) & (slope <= 0), (up <= 0) & (slope >= 0)
    each = np.arange(model.shape[1])
    for attempt in range(TOGETHER + ROUNDS):
        free = ~(low | high)
        pinned = np.where(low, down, 0.0)
        if high.any():
            pinned[high] = up[high]
        inside = np.where(free[:, :, None] & free[:, None, :], model, 0.0)
        inside[:, each, each] += ~free
        right = np.where(free, slope - _times(model, pinned), pinned)
        move = np.linalg.solve(inside, right[:, :, None])[:, :, 0]
        left = slope - _times(model, move)
        now_low = (low & (left <= 0)) | (free & (move < down))
        now_high = (high & (left >= 0)) | (free & (move > up))
        wrong = (now_low != low) | (now_high != high)
        if not wrong.any():
            break
        if attempt >= TOGETHER:
            # The first wrong guess alone: Murty's rule, under which no guess is made twice.
            wrong &= wrong.cumsum(1) == 1
        low, high = np.where(wrong, now_low, low), np.where(wrong, now_high, high)
    exact = ~wrong.any(1) & np.isfinite(move).all(1)
    return np.minimum(np.maximum(np.where(exact[:, None], move, 0.0), down), up), exact


def _damped(move, slope, multipliers):
    """Moves beyond one nat shortened to 1 + log: a class far from its bound grows like an exponential.

    Newton's step from an exponential's flat side is too long by just that logarithm. Where the class is so far off
    that its probability rounds to nothing, there is no logarithm to go by, and the multiplier doubles.
    """
    length = np.maximum(np.abs(move), 1.0)
    if length.max(initial=1.0) == 1.0:
        return move
    allowed = 1.0 + np.log(length) + np.where(length > NOTHING, multipliers, 0.0)
    shrink = np.minimum(allowed / length, 1.0)
    return np.where(_uphill(slope, move * shrink), move * shrink, move * shrink.min(1, keepdims=True))


def _times(matrix, vector):
    return (matrix @ vector[:, :, None])[:, :, 0]


def _uphill(slope, move):
    return ((slope * move).sum(1) > 0)[:, None]
