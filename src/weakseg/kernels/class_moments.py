r"""Counts of classes and their covariance under a tilted softmax, in one pass that writes nothing down.

.. math:: p_i^k \propto \exp(s_i^k + t^k), \quad n_k = \sum_i v_i p_i^k,
          \quad S_{kl} = n_k [k = l] - \sum_i v_i p_i^k p_i^l

Where the same tilt is added at all cells, these C and C x C numbers are all that is to be known of an image, whatever
its size. Scores may be float32; sums are in float64. Cells go through in blocks that stay in the nearest cache.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.kernels.kept import kept

# Type checks of the tests, which `no_type_check` turns off below, would wrap what is compiled and cannot be kept then.

# Sums may be reordered, so that they are vectorised; infinities are kept, as they stand for deleted classes.
SUMS = {"contract", "reassoc"}

BLOCK = 128
LOG2_E = 1.4426950408889634
# ln 2 in two parts, of which the first has few digits: its multiples are exact.
LN2_HIGH, LN2_LOW = 6.93145751953125e-1, 1.42860682030941723212e-6
SMALLEST = -708.0
"""Of what the exponential is still a normal number; below, it is 0."""


@partial(kept, error_model="numpy", fastmath={"contract"})
@no_type_check
def exponential(x):
    """Of a number that is 0 or less, to the last bit or two; compilers vectorise this, but not calls of libm."""
    power = np.floor(x * LOG2_E + 0.5)
    rest = (x - power * LN2_HIGH) - power * LN2_LOW
    value = 1 / 6227020800.0
    # Taylor's series up to 13: at most 4e-18 is left out of it for |rest| <= ln(2) / 2.
    for factorial in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        value = value * rest + 1 / factorial
    value = (value * rest + 1.0) * rest + 1.0
    two_to_power = np.int64((np.int64(max(power, -1022.0)) + 1023) << 52).view(np.float64)
    return value * two_to_power if x > SMALLEST else 0.0


@partial(kept, error_model="numpy", fastmath=SUMS)
@no_type_check
def _softmax(scores, tilt, start, stop, probs, top, total):
    """Of one block of cells: probabilities, the highest score, and the sum of exponentials relative to it."""
    count = stop - start
    top[:] = -np.inf
    total[:] = 0.0
    for label in range(len(scores)):
        given, mine, shift = scores[label, start:stop], probs[label], tilt[label]
        for i in range(count):
            value = given[i] + shift
            mine[i] = value
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


@partial(kept, error_model="numpy", fastmath=SUMS)
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
            for other in range(label + 1):
                theirs, both = probs[other], 0.0
                for i in range(stop - start):
                    both += weighted[i] * theirs[i]
                covariance[label, other] -= both
    for label in range(classes):
        covariance[:label, label] = covariance[label, :label]
        covariance[label, label] += counts[label]
    return counts, covariance


@partial(kept, error_model="numpy", fastmath=SUMS)
@no_type_check
def tilted(scores, mass, tilt):
    """The probabilities (C, n), in the scores' precision, counts (C,), and the sum of mass times log-sum-exp."""
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
