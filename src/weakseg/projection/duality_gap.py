"""Duality gap and violation of bounded multipliers, equation `gap`.

docs/theory.md derives them.
"""

import numpy as np

from weakseg.compilation.compiled import compiled_numpy

ROUNDING, MOST = 1e-16, 1e-9
"""Relative rounding of a multiplier, and the largest part of the gap, in nats, that may be put down to it."""


@compiled_numpy
def gap_and_violation(bounds, prices, multipliers, measured):
    """Duality gap (B,) in nats and largest violation (B,) in cells.

    The gap is the primal minus the dual value; the violation is that of the worst hard row.

    A violated hard row counts with its multiplier. All arguments are (B, N); hard rows have an infinite price.
    """
    gap, violation = np.zeros(len(bounds)), np.zeros(len(bounds))
    for image in range(len(bounds)):
        for row in range(bounds.shape[1]):
            missing, price = bounds[image, row] - measured[image, row], prices[image, row]
            # Complementary slackness: a row with room left should have a multiplier of 0, and pays for what it has.
            if missing <= 0:
                gap[image] -= multipliers[image, row] * missing
            elif price == np.inf:
                gap[image] += multipliers[image, row] * missing
                violation[image] = max(violation[image], missing)
            else:
                # A priced row that is violated should be at its price.
                gap[image] += (price - multipliers[image, row]) * missing
    return gap, violation


@compiled_numpy
def converged(bounds, prices, multipliers, measured, cells, tolerance):
    """Whether gap and violation are within tolerance, per image.

    The tolerance is per valid cell, and grows with the multipliers: float64 cannot resolve less.

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
