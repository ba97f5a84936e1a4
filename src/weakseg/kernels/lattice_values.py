"""Values on the permutohedral lattice: splatted from points to corners, blurred there, and sliced back.

Rows of values fill whole vector registers, as many at once as `registers_for` says. The last row of corners stands for
those that no point touches.
"""

import numpy as np
from jaxtyping import Float

from weakseg.kernels.compiled import compiled
from weakseg.kernels.lanes import LANES, add, load, multiply, multiply_add, registers_for, spread, store


def padded(values: Float[np.ndarray, "N C"], filling: float = 0.0) -> Float[np.ndarray, "N P"]:
    """float32, with as many channels more as fill the registers of the last round."""
    channels = values.shape[1]
    width = LANES * len(registers_for(channels))
    filled = aligned_zeros(len(values), -(-channels // width) * width)
    filled[:, :channels] = values
    filled[:, channels:] = filling
    return filled


def aligned_zeros(rows: int, channels: int) -> Float[np.ndarray, "R P"]:
    """Zeros that begin at a cache line: vectors that lie across two lines take twice as long."""
    line = 16
    raw = np.zeros(rows * channels + line, np.float32)
    first = -(raw.ctypes.data // raw.itemsize) % line
    return raw[first : first + rows * channels].reshape(rows, channels)


@compiled
def splat(values, corners, weights, out, registers):
    """Add values (N, P) to their corners (M + 1, P), whose last row stays 0."""
    points, channels = values.shape
    for point in range(points):
        for first in range(0, channels, LANES * len(registers)):
            value = load(values, point, first, registers)
            for corner in range(corners.shape[1]):
                row, weight = corners[point, corner], spread(weights[point, corner], registers)
                store(out, row, first, multiply_add(weight, value, load(out, row, first, registers)))


@compiled
def blur(values, other, neighbours, backwards, registers):
    """Binomial smoothing [1/4 1/2 1/4] of `values` (M + 1, P) in place, along each axis in turn or in the reverse turn.

    `other` is room of the same shape; its last row must be 0 too.
    """
    size, count = neighbours.shape[:2]
    half, quarter = spread(0.5, registers), spread(0.25, registers)
    source, target = values, other
    for turn in range(size):
        axis = size - 1 - turn if backwards else turn
        for corner in range(count):
            before, after = neighbours[axis, corner, 0], neighbours[axis, corner, 1]
            for first in range(0, values.shape[1], LANES * len(registers)):
                around = add(load(source, before, first, registers), load(source, after, first, registers))
                mixed = multiply_add(quarter, around, multiply(half, load(source, corner, first, registers)))
                store(target, corner, first, mixed)
        source, target = target, source
    if size % 2:
        values[:count] = other[:count]


@compiled
def slice_(values, corners, weights, registers):
    """Weighted sums of the corners around each point (N, P)."""
    points, channels = len(corners), values.shape[1]
    out = np.empty((points, channels), np.float32)
    for point in range(points):
        for first in range(0, channels, LANES * len(registers)):
            gathered = spread(0.0, registers)
            for corner in range(corners.shape[1]):
                row, weight = corners[point, corner], spread(weights[point, corner], registers)
                gathered = multiply_add(weight, load(values, row, first, registers), gathered)
            store(out, point, first, gathered)
    return out
