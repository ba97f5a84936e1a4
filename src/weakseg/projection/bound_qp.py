r"""Newton move of a concave quadratic under bound constraints.

A few multipliers per image, many images side by side:

.. math:: \max_d\; g^\top d - \tfrac12 d^\top H d \quad s.t. \quad -\mu \le d \le \beta - \mu

Solved by a primal-dual active set method (Hintermüller, Ito and Kunisch 2002). Compiled, because the arrays hold tens
of numbers and calls would cost more than the arithmetic.
"""

import numpy as np

from weakseg.compilation.compiled import compiled_numpy

TOGETHER = 6
"""Rounds in which all wrong guesses are corrected at once. This is quick, but opposite rows can make it cycle."""
ROUNDS = 100
"""Further rounds that correct one guess each. They end for any strictly concave model, and far fewer are ever
needed."""

NOTHING = 1e8
"""Length of a move, in nats, beyond which the model's curvature is only rounding."""

LOW, FREE, HIGH = -1, 0, 1
"""Guess for a component of the move: at its lower bound, between the bounds, or at its upper bound."""


@compiled_numpy
def newton_move(curvature, slope, multipliers, prices):
    """Damped move to the model's constrained maximum; always uphill.

    Args:
        curvature: (B, N, N), positive semi-definite.
        slope: (B, N).
        multipliers: (B, N), start of the move, in [0, prices].
        prices: (B, N), infinite where nothing bounds a multiplier from above.
    """
    moves = np.empty_like(slope)
    for image in range(len(slope)):
        g, down, up = slope[image], -multipliers[image], prices[image] - multipliers[image]
        model = _strict(curvature[image])
        move, exact = _constrained_maximum(model, g, down, up)
        # Where the active set did not settle, or rounding made the move point downhill, each component moves by itself
        # on the diagonal model: slow, but always uphill.
        if not (exact and np.sum(g * move) >= 0):
            for i in range(len(g)):
                move[i] = min(max(g[i] / model[i, i], down[i]), up[i])
        _dampen(move, model, g, down)
        moves[image] = move
    return moves


@compiled_numpy
def _strict(curvature):
    """The curvature with a small ridge that makes it definite.

    Rows that say the same thing twice, and saturated cells, make the model flat.
    """
    model, largest = curvature.copy(), 0.0
    for i in range(len(model)):
        # Where all but one class are deleted the curvature is 0, and rounding can put it below.
        model[i, i] = max(model[i, i], 0.0)
        largest = max(largest, model[i, i])
    for i in range(len(model)):
        model[i, i] += 1e-10 * model[i, i] + 1e-14 * largest + 1e-30
    return model


@compiled_numpy
def _constrained_maximum(model, slope, down, up):
    """The constrained maximum, and whether the active set converged.

    Guesses which bounds are active, solves for the free components and corrects the guess.
    """
    guess, move = np.empty(len(slope), np.int64), np.empty_like(slope)
    for i in range(len(slope)):
        # A multiplier that is at its bound and pulled outwards begins there; everything else begins free.
        guess[i] = LOW if down[i] >= 0 and slope[i] <= 0 else HIGH if up[i] <= 0 and slope[i] >= 0 else FREE
    for attempt in range(TOGETHER + ROUNDS):
        left, wrong = _for_guess(model, slope, down, up, guess, move), False
        for i in range(len(slope)):
            corrected = _corrected(guess[i], move[i], left[i], down[i], up[i])
            if corrected != guess[i]:
                guess[i], wrong = corrected, True
                if attempt >= TOGETHER:
                    # The first wrong guess alone: Murty's rule, under which no guess is made twice.
                    break
        if not wrong:
            break
    for i in range(len(slope)):
        # A factorisation that failed leaves nan in the components, and the caller falls back.
        wrong |= not np.isfinite(move[i])
        move[i] = min(max(move[i], down[i]), up[i])
    return move, not wrong


@compiled_numpy
def _corrected(guess, move, left, down, up):
    """The guess for one component after a solve.

    A free component that violates a bound stops there; one at a bound that is pulled inside is freed.
    """
    if guess == FREE:
        return LOW if move < down else HIGH if move > up else FREE
    # `guess` is -1 or 1, the direction out of the interval: a slope of the same sign keeps it at the bound.
    return guess if left * guess >= 0 else FREE


@compiled_numpy
def _for_guess(model, slope, down, up, guess, move):
    """Write the best move for a guess; return the remaining slope."""
    count, free = 0, np.empty(len(slope), np.int64)
    for i in range(len(slope)):
        move[i] = down[i] if guess[i] == LOW else up[i] if guess[i] == HIGH else 0.0
        if guess[i] == FREE:
            free[count] = i
            count += 1
    left = _slope_at(model, slope, move)
    _solve(model, left, free[:count], move)
    return _slope_at(model, slope, move)


@compiled_numpy
def _slope_at(model, slope, move):
    left = slope.copy()
    for i in range(len(slope)):
        for j in range(len(slope)):
            left[i] -= model[i, j] * move[j]
    return left


@compiled_numpy
def _solve(model, right, free, move):
    """Write the free components by Cholesky factorisation.

    A matrix that is not positive definite gives NaN.
    """
    factor = np.empty((len(free), len(free)))
    for i in range(len(free)):
        value = right[free[i]]
        for j in range(i + 1):
            entry = model[free[i], free[j]]
            for k in range(j):
                entry -= factor[i, k] * factor[j, k]
            # The root of a negative pivot is nan and no exception; the caller notices.
            factor[i, j] = np.sqrt(entry) if i == j else entry / factor[j, j]
        for k in range(i):
            value -= factor[i, k] * move[free[k]]
        move[free[i]] = value / factor[i, i]
    for i in range(len(free) - 1, -1, -1):
        value = move[free[i]]
        for k in range(i + 1, len(free)):
            value -= factor[k, i] * move[free[k]]
        move[free[i]] = value / factor[i, i]


@compiled_numpy
def _dampen(move, model, slope, down):
    """Shorten components beyond one nat to 1 + log.

    A class far from its bound grows like an exponential.

    Newton's step from an exponential's flat side is too long by just that logarithm. Where the class is so far off that
    its probability rounds to 0, the logarithm is unknown, and the multiplier doubles. Each component is shortened
    separately, unless shortening all by one factor gains more: components of rows that undo each other may be long
    together and have little effect.
    """
    shrink = np.ones(len(move))
    for i in range(len(move)):
        length = abs(move[i])
        if length > 1.0:
            allowed = 1.0 + np.log(length) - (down[i] if length > NOTHING else 0.0)
            shrink[i] = min(allowed / length, 1.0)
    # The model decides which of both shortenings gains more.
    alone, together = move * shrink, move * shrink.min()
    move[:] = alone if _gain(model, slope, alone) >= _gain(model, slope, together) else together


@compiled_numpy
def _gain(model, slope, move):
    """Rise of the quadratic model along a move."""
    gain = 0.0
    for i in range(len(slope)):
        gain += slope[i] * move[i]
        for j in range(len(slope)):
            gain -= 0.5 * move[i] * model[i, j] * move[j]
    return gain
