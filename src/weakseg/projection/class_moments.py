r"""Class counts and covariance under a tilted softmax, in one pass.

No distribution is written to memory.

.. math:: p_i^k \propto \exp(s_i^k + t^k), \quad n_k = \sum_i v_i p_i^k,
          \quad S_{kl} = n_k [k = l] - \sum_i v_i p_i^k p_i^l

Where the same tilt is added at all cells, these C and C x C numbers are sufficient, whatever the image's size. Scores
may be float32; sums are in float64. Cells are processed in blocks that stay in the nearest cache.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.compilation.cache import cached
from weakseg.compilation.exponential import exponential

# Type checks of the tests, which `no_type_check` turns off below, would wrap what is compiled and cannot be kept then.

# Sums may be reordered, so that they are vectorised; infinities are kept, as they stand for deleted classes.
SUMS = {"contract", "reassoc"}

BLOCK = 128


@partial(cached, error_model="numpy", fastmath=SUMS)
@no_type_check
def _softmax(scores, tilt, start, stop, probs, top, total):
    """Softmax of one block, with row maxima and sums.

    The sum of exponentials is relative to the highest score.
    """
    count = stop - start
    # Class by class over the block, so that the innermost loops run along memory and are vectorised.
    top[:] = -np.inf
    total[:] = 0.0
    for label in range(len(scores)):
        given, mine, shift = scores[label, start:stop], probs[label], tilt[label]
        for i in range(count):
            value = given[i] + shift
            mine[i] = value
            # The maximum is subtracted before exponentials, which would overflow; deleted classes are at -inf and
            # become 0.
            top[i] = value if value > top[i] else top[i]
    for label in range(len(scores)):
        mine = probs[label]
        for i in range(count):
            value = exponential(mine[i] - top[i])
            mine[i] = value
            total[i] += value
    for label in range(len(scores)):
        mine = probs[label]
        for i in range(count):
            mine[i] /= total[i]


@partial(cached, error_model="numpy", fastmath=SUMS)
@no_type_check
def moments(scores, mass, tilt):
    """Counts (C,) and covariance (C, C) of classes.

    Args:
        scores: (C, n), -inf where a class is deleted; every cell has one that is not.
        mass: (n,), how much each cell counts, in float64.
        tilt: (C,), in float64.
    """
    classes, cells = scores.shape
    counts, covariance = np.zeros(classes), np.zeros((classes, classes))
    probs, weighted = np.empty((classes, BLOCK)), np.empty(BLOCK)
    top, total = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, cells, BLOCK):
        stop = min(start + BLOCK, cells)
        here = mass[start:stop]
        _softmax(scores, tilt, start, stop, probs, top, total)
        for label in range(classes):
            mine, count = probs[label], 0.0
            for i in range(stop - start):
                value = mine[i] * here[i]
                weighted[i] = value
                count += value
            counts[label] += count
            # Symmetric: half of the products are enough.
            for other in range(label + 1):
                theirs, both = probs[other], 0.0
                for i in range(stop - start):
                    both += weighted[i] * theirs[i]
                covariance[label, other] -= both
    for label in range(classes):
        # Only the lower triangle was summed.
        covariance[:label, label] = covariance[label, :label]
        covariance[label, label] += counts[label]
    return counts, covariance


@partial(cached, error_model="numpy", fastmath=SUMS)
@no_type_check
def tilted(scores, mass, tilt):
    """Probabilities (C, n), counts (C,) and total log-partition.

    Probabilities are in the scores' precision; the log-partition is the sum of mass times log-sum-exp.
    """
    classes, cells = scores.shape
    found, counts, normaliser = np.empty_like(scores), np.zeros(classes), 0.0
    probs, top, total = np.empty((classes, BLOCK)), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, cells, BLOCK):
        stop = min(start + BLOCK, cells)
        here = mass[start:stop]
        _softmax(scores, tilt, start, stop, probs, top, total)
        for label in range(classes):
            mine, to, count = probs[label], found[label, start:stop], 0.0
            # A slice assignment is not vectorised where it changes precision.
            for i in range(stop - start):
                to[i] = mine[i]
                count += mine[i] * here[i]
            counts[label] += count
        for i in range(stop - start):
            normaliser += here[i] * (top[i] + np.log(total[i]))
    return found, counts, normaliser
