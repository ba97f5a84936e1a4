r"""Gaussian filtering in 1 to 8 feature dimensions on the permutohedral lattice, in time linear in the points.

Every point is splatted onto the d + 1 corners of the simplex around it, values are blurred along the d + 1 axes of the
lattice, and sliced back with the same weights. Adams, Baek and Davis 2010, sections 3 and 4.

A corner is remembered as one integer. All d + 1 coordinates of a lattice point are equal modulo d + 1, so it is told
by that remainder and d quotients. Packed with the remainder on top, the neighbour along an axis is the same integer
plus a constant that depends on the remainder only. Once corners are sorted, all neighbours of a kind are found by
walking two sorted ranges at once, and corners that are near each other are near in memory.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from jaxtyping import Float, Int

from weakseg.errors import EvidenceInvalid
from weakseg.kernels.compiled import compiled, inlined
from weakseg.kernels.lanes import LANES, add, load, multiply, multiply_add, spread, store

MOST_DIMENSIONS = 8

_NONE = -1
_CHUNK = 256
"""Points whose simplices are looked for together, small enough for the fastest cache."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where N points lie on a lattice of M corners: built once for a picture, used for many filterings.

    Corners are numbered 0 to M - 1; M itself stands for every corner that no point touches, where all values are 0.
    """

    corners: Int[np.ndarray, "N E"]
    """The E = d + 1 corners of the simplex around each point."""
    weights: Float[np.ndarray, "N E"]
    """Barycentric weights of those corners; they sum to 1."""
    neighbours: Int[np.ndarray, "E M 2"]
    """The two neighbours of each corner along each axis, or M."""

    @property
    def size(self) -> int:
        """M: how many corners are touched."""
        return self.neighbours.shape[1]

    def filter(self, values: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "N C"]:
        r"""Equation 50, :math:`\sum_j \exp(-\lVert f_i - f_j \rVert^2 / 2) \, v_j`, each point's own value included.

        Blurs along different axes would commute, but for corners that no point touches; the mean of both orders makes
        the operator symmetric, so it is its own adjoint, and is nearer to the sum.
        """
        given = padded(values)
        on_corners, other, room = (aligned_zeros(self.size + 1, given.shape[1]) for _ in range(3))
        splat(given, self.corners, self.weights, on_corners)
        other[:] = on_corners
        blur(on_corners, room, self.neighbours, False)
        blur(other, room, self.neighbours, True)
        on_corners += other
        weights = self.weights * np.float32(lattice_scale(len(self.neighbours) - 1) / 2)
        return slice_(on_corners, self.corners, weights)[:, : values.shape[1]]


def padded(values: Float[np.ndarray, "N C"], filling: float = 0.0) -> Float[np.ndarray, "N P"]:
    """float32, with as many channels more as fill the last vector register."""
    channels = values.shape[1]
    filled = aligned_zeros(len(values), -(-channels // LANES) * LANES)
    filled[:, :channels] = values
    filled[:, channels:] = filling
    return filled


def aligned_zeros(rows: int, channels: int) -> Float[np.ndarray, "R P"]:
    """Zeros that begin at a cache line: vectors that lie across two lines take twice as long."""
    line = 16
    raw = np.zeros(rows * channels + line, np.float32)
    first = -(raw.ctypes.data // raw.itemsize) % line
    return raw[first : first + rows * channels].reshape(rows, channels)


def build(features: Float[np.ndarray, "d N"]) -> Lattice:
    """The lattice around points whose features are in units of the bandwidth: one standard deviation is 1.

    Raises:
        EvidenceInvalid: a feature is not finite, or bandwidths are so small that corners cannot be numbered.
    """
    features = np.ascontiguousarray(features, np.float32)
    dimensions, points = features.shape
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise EvidenceInvalid(f"points of {dimensions} features", expected=f"1 to {MOST_DIMENSIONS}")
    if not np.isfinite(features).all():
        raise EvidenceInvalid("features that are nan or infinite", mend="look for such values in the picture")
    if points == 0:
        features = np.zeros((dimensions, 1), np.float32)
    matrix = elevation(dimensions)
    lowest, strides = numbering(matrix, features.min(1), features.max(1))
    keys, corners, weights = _embed(features, matrix, lowest, strides)
    order = np.argsort(keys)
    rank = np.empty(len(keys), np.int32)
    rank[order] = np.arange(len(keys), dtype=np.int32)
    return Lattice(rank[corners[:points]], weights[:points], _neighbours(keys[order], strides))


def lattice_scale(dimensions: int) -> float:
    r"""What turns blurred mass into a sum of Gaussians, equation 51: :math:`(4 \pi / 3)^{d/2} \sqrt{d + 1}`."""
    return (4 * pi / 3) ** (dimensions / 2) * (dimensions + 1) ** 0.5


def elevation(dimensions: int) -> Float[np.ndarray, "E d"]:
    """The map from features to the hyperplane of coordinates that sum to 0, scaled to the blur that follows.

    Splatting, blurring and slicing together have a variance of 2/3 (d + 1)^2 along each axis (Adams et al. 2010).
    """
    matrix = np.zeros((dimensions + 1, dimensions))
    for axis in range(1, dimensions + 1):
        matrix[:axis, axis - 1] = 1
        matrix[axis, axis - 1] = -axis
        matrix[:, axis - 1] /= (axis * (axis + 1)) ** 0.5
    return (matrix * (dimensions + 1) * (2 / 3) ** 0.5).astype(np.float32)


def numbering(
    matrix: Float[np.ndarray, "E d"], smallest: Float[np.ndarray, " d"], largest: Float[np.ndarray, " d"]
) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " F"]]:
    """How corners around features between `smallest` and `largest` are told by one integer.

    Returns:
        The quotient of each coordinate at which counting starts, and what one more of it adds to the number; the last
        of F = E + 1 strides is that of the remainder. There is room for a neighbour beyond either end.
    """
    size = len(matrix)
    ends = np.stack([matrix * smallest, matrix * largest]).astype(np.float64)
    lowest = np.floor(ends.min(0).sum(1) / size).astype(np.int64) - 3
    extent = np.ceil(ends.max(0).sum(1) / size).astype(np.int64) + 4 - lowest
    # Coordinates sum to 0, so the last one is not needed and adds nothing.
    strides = np.zeros(size + 1, np.int64)
    needed = 1
    for axis in range(size - 1):
        strides[axis] = min(needed, 2**62)
        needed *= int(extent[axis])
    strides[size] = min(needed, 2**62)
    if needed * size >= 2**63:
        raise EvidenceInvalid(
            f"a lattice of {needed * size:.1e} possible corners in {size - 1} dimensions",
            expected="fewer than 9.2e+18",
            mend="use larger bandwidths, or fewer channels",
        )
    return lowest, strides


@compiled
def _embed(features, matrix, lowest, strides):
    """Numbers of all touched corners in order of appearance; corners and weights of each point."""
    dimensions, points = features.shape
    size = dimensions + 1
    corners = np.empty((points, size), np.int32)
    weights = np.empty((points, size), np.float32)
    keys, found = np.empty(4096, np.int64), 0
    slots = np.full(4 * len(keys), _NONE, np.int32)
    quotients = np.empty((size, _CHUNK), np.float32)
    residuals = np.empty((size, _CHUNK), np.float32)
    ranks = np.empty((size, _CHUNK), np.int32)
    drops = np.empty(size, np.int64)
    last_key, last_order = np.int64(-1), np.int64(-1)
    for start in range(0, points, _CHUNK):
        count = min(points - start, _CHUNK)
        _nearest(features, start, count, matrix, quotients, residuals, ranks)
        _barycentric(residuals, ranks, count, weights[start : start + count])
        for there in range(count):
            key, order = np.int64(0), np.int64(0)
            for axis in range(size):
                key += (np.int64(quotients[axis, there]) - lowest[axis]) * strides[axis]
                order = order * size + ranks[axis, there]
                drops[ranks[axis, there]] = strides[axis]
            point = start + there
            # Neighbouring pixels are often in the same simplex.
            if key == last_key and order == last_order:
                for remainder in range(size):
                    corners[point, remainder] = corners[point - 1, remainder]
                continue
            last_key, last_order = key, order
            if 2 * (found + size) > len(slots) // 2:
                keys, slots = _grown(keys, slots, found)
            for remainder in range(size):
                slot = _slot(key, keys, slots)
                if slots[slot] == _NONE:
                    keys[found] = key
                    slots[slot] = found
                    found += 1
                corners[point, remainder] = slots[slot]
                # The next corner: remainder up by one, and the coordinate of the lowest rank that is left goes down.
                key += strides[size] - drops[size - 1 - remainder]
    return keys[:found].copy(), corners, weights


@compiled
def _nearest(features, start, count, matrix, quotients, residuals, ranks):
    """The nearest corner with remainder 0, what is left over in units of d + 1, and its ranks, largest first.

    Every loop over points is free of branches and calls, so that LLVM makes vector instructions of it.
    """
    size = len(matrix)
    off = np.zeros(count, np.int32)
    for row in range(size):
        for there in range(count):
            residuals[row, there] = 0
            ranks[row, there] = 0
        for axis in range(size - 1):
            factor = matrix[row, axis] / np.float32(size)
            for there in range(count):
                residuals[row, there] += factor * features[axis, start + there]
        for there in range(count):
            rounded = np.floor(residuals[row, there] + np.float32(0.5))
            quotients[row, there] = rounded
            residuals[row, there] -= rounded
            off[there] += np.int32(rounded)
    for row in range(size):
        for other in range(row + 1, size):
            for there in range(count):
                less = np.int32(residuals[row, there] < residuals[other, there])
                ranks[row, there] += less
                ranks[other, there] += np.int32(1) - less
    # Rounding leaves the hyperplane by `off`; the coordinates that were rounded furthest in that direction go back.
    for row in range(size):
        for there in range(count):
            rank = ranks[row, there] + off[there]
            back = np.int32(rank < 0) - np.int32(rank >= size)
            ranks[row, there] = rank + np.int32(size) * back
            quotients[row, there] += np.float32(back)
            residuals[row, there] -= np.float32(back)


@compiled
def _barycentric(residuals, ranks, count, weights):
    """Differences of the sorted residuals; the first corner has what is left to 1."""
    size = len(residuals)
    ordered = np.empty(size, np.float32)
    for there in range(count):
        for row in range(size):
            ordered[ranks[row, there]] = residuals[row, there]
        weights[there, 0] = np.float32(1) + ordered[size - 1] - ordered[0]
        for corner in range(1, size):
            weights[there, corner] = ordered[size - 1 - corner] - ordered[size - corner]


@inlined
def _slot(key, keys, slots):
    """Where a corner is, or would be: open addressing, linear probing."""
    mask = np.uint64(len(slots) - 1)
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((mixed >> np.uint64(32)) & mask)
    while slots[slot] != _NONE and keys[slots[slot]] != key:
        slot = np.int64(np.uint64(slot + 1) & mask)
    return slot


@compiled
def _grown(keys, slots, found):
    """The same corners in tables twice as large."""
    larger = np.empty(2 * len(keys), np.int64)
    larger[:found] = keys[:found]
    wider = np.full(2 * len(slots), _NONE, np.int32)
    for corner in range(found):
        wider[_slot(larger[corner], larger, wider)] = corner
    return larger, wider


@compiled
def _neighbours(keys, strides):
    """Both neighbours of each corner along each axis; `keys` is sorted."""
    size, count = len(strides) - 1, len(keys)
    neighbours = np.full((size, count, 2), count, np.int32)
    top = strides[size]
    start = np.searchsorted(keys, np.arange(size + 1) * top)
    around = strides[:size].sum()
    for axis in range(size):
        down = strides[axis]
        for remainder in range(size):
            # One step adds 1 to every coordinate but this one, which goes down by d.
            last = remainder == size - 1
            step = around - remainder * top - down if last else top - down
            target = 0 if last else remainder + 1
            there = start[target]
            for corner in range(start[remainder], start[remainder + 1]):
                wanted = keys[corner] + step
                while there < start[target + 1] and keys[there] < wanted:
                    there += 1
                if there < start[target + 1] and keys[there] == wanted:
                    neighbours[axis, corner, 0] = there
                    neighbours[axis, there, 1] = corner
    return neighbours


@compiled
def splat(values, corners, weights, out):
    """Add values (N, C) to their corners (M + 1, C), whose last row stays 0. C is a multiple of `LANES`."""
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
    """Binomial smoothing [1/4 1/2 1/4] of `values` (M + 1, C) in place, along each axis in turn or in the reverse turn.

    `other` is room of the same shape; its last row must be 0 too.
    """
    size, count = neighbours.shape[:2]
    half, quarter = spread(0.5), spread(0.25)
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
    if size % 2:
        values[:count] = other[:count]


@compiled
def slice_(values, corners, weights):
    """Weighted sums of the corners around each point (N, C)."""
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
