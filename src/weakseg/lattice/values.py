"""Splat, blur and slice on the permutohedral lattice.

Rows of values are as long as whole vector registers; the last row of corners stands for those that no point touches.
"""

import numpy as np
from jaxtyping import Float

from weakseg.compilation.compiled import compiled
from weakseg.compilation.simd import LANES, add, load, multiply, multiply_add, spread, store


def padded(values: Float[np.ndarray, "N C"], filling: float = 0.0) -> Float[np.ndarray, "N P"]:
    """float32 values padded to whole vector registers."""
    channels = values.shape[1]
    filled = aligned_zeros(len(values), -(-channels // LANES) * LANES)
    filled[:, :channels] = values
    filled[:, channels:] = filling
    return filled


def aligned_zeros(rows: int, channels: int) -> Float[np.ndarray, "R P"]:
    """Zeros aligned to cache lines, so vectors cross none."""
    line = 16
    # numpy promises 16 bytes only; a few floats more leave room to begin at a cache line.
    raw = np.zeros(rows * channels + line, np.float32)
    first = -(raw.ctypes.data // raw.itemsize) % line
    return raw[first : first + rows * channels].reshape(rows, channels)


@compiled
def splat(values, corners, weights, out):
    """Add values (N, C) to their corners (M + 1, C).

    The last row stays 0; C is a multiple of `LANES`.
    """
    points, channels = values.shape
    for point in range(points):
        for first in range(0, channels, LANES):
            value = load(values, point, first)
            for corner in range(corners.shape[1]):
                row = corners[point, corner]
                weight = spread(weights[point, corner])
                store(out, row, first, multiply_add(weight, value, load(out, row, first)))


@compiled
def blur(values, other, neighbours, backwards):
    """Binomial blur [1/4 1/2 1/4] along each axis, in place.

    `values` are (M + 1, C); axes are in order or reversed.

    `other` is room of the same shape; its last row must be 0 too.
    """
    size, count = neighbours.shape[:2]
    half, quarter = spread(0.5), spread(0.25)
    # Axis after axis from one array to the other: in place, a corner would read a neighbour that is blurred already.
    source, target = values, other
    for turn in range(size):
        axis = size - 1 - turn if backwards else turn
        for corner in range(count):
            before, after = neighbours[axis, corner, 0], neighbours[axis, corner, 1]
            for first in range(0, values.shape[1], LANES):
                around = add(load(source, before, first), load(source, after, first))
                mixed = multiply_add(quarter, around, multiply(half, load(source, corner, first)))
                store(target, corner, first, mixed)
        source, target = target, source
    # After an odd number of axes the result lies in the other array.
    if size % 2:
        values[:count] = other[:count]


@compiled
def slice_(values, corners, weights):
    """Weighted sums of the corners around points (N, C)."""
    points, channels = len(corners), values.shape[1]
    out = np.empty((points, channels), np.float32)
    for point in range(points):
        for first in range(0, channels, LANES):
            gathered = spread(0.0)
            for corner in range(corners.shape[1]):
                row = corners[point, corner]
                gathered = multiply_add(spread(weights[point, corner]), load(values, row, first), gathered)
            store(out, point, first, gathered)
    return out
