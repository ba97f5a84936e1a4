"""How far multipliers in their box are from the best: gap and violation, equation 14 of docs/theory.md."""

import numpy as np

from weakseg.compilation.compiled import compiled_numpy

ROUNDING, MOST = 1e-16, 1e-9
"""Of a multiplier, how much its last digit is worth; and what is no longer put down to that, in nats."""


@compiled_numpy
def gap_and_violation(bounds, prices, multipliers, measured):
    """Primal minus dual value (B,), in nats, and by how many cells the worst hard row is missed (B,).

    What a missed hard row's multiplier promises counts as gap too. All arguments are (B, N); hard rows have an
    infinite price.
    """
    gap, violation = np.zeros(len(bounds)), np.zeros(len(bounds))
    for image in range(len(bounds)):
        for row in range(bounds.shape[1]):
            missing, price = bounds[image, row] - measured[image, row], prices[image, row]
            if missing <= 0:
                gap[image] -= multipliers[image, row] * missing
            elif price == np.inf:
                gap[image] += multipliers[image, row] * missing
                violation[image] = max(violation[image], missing)
            else:
                gap[image] += (price - multipliers[image, row]) * missing
    return gap, violation


@compiled_numpy
def settled(bounds, prices, multipliers, measured, cells, tolerance):
    """Whether gap and violation are within a tolerance for each cell, or within what float64 can tell (B,).

    A distribution knows its multipliers to their last digit, which of large ones is many nats.
    """
    gap, violation = gap_and_violation(bounds, prices, multipliers, measured)
    near = np.empty(len(bounds), np.bool_)
    for image in range(len(bounds)):
        largest, together = 0.0, 0.0
        for row in range(bounds.shape[1]):
            largest = max(largest, multipliers[image, row])
            together += multipliers[image, row]
        digit = min(ROUNDING * largest, MOST)
        near[image] = violation[image] <= cells[image] * (tolerance + digit)
        near[image] &= gap[image] <= cells[image] * (tolerance + digit * together)
    return near
