"""How far multipliers in their box are from the best: gap and violation, equation 14 of docs/theory.md."""

import numpy as np

from weakseg.kernels.compiled import compiled_numpy


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
