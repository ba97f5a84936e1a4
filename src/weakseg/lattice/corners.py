"""Simplex corners and barycentric weights of points."""

import numpy as np

from weakseg.compilation.compiled import compiled, inlined

_NONE = -1
_CHUNK = 256
"""Points whose simplices are computed together, small enough for the fastest cache."""


@compiled
def embed(features, matrix, lowest, strides, most):
    """Corner numbers, corners, weights and number of placed points.

    Corners are in order of appearance.

    These are all points, unless they touch more corners than `most`.
    """
    dimensions, points = features.shape
    size = dimensions + 1
    corners = np.empty((points, size), np.int32)
    weights = np.empty((points, size), np.float32)
    keys, found = np.empty(4096, np.int64), 0
    # At most a quarter full, so that probes stay short; keys stand apart, as slots of four bytes are small enough for a
    # cache.
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
                # The ranks as one number: corner and order of the residuals together identify the simplex.
                order = order * size + ranks[axis, there]
                drops[ranks[axis, there]] = strides[axis]
            point = start + there
            # Neighbouring pixels are often in the same simplex.
            if key == last_key and order == last_order:
                for remainder in range(size):
                    corners[point, remainder] = corners[point - 1, remainder]
                continue
            last_key, last_order = key, order
            # With tiny bandwidths nearly every point has corners of its own. It is stopped here, with its corners so
            # far, before memory is gone.
            if found > most:
                return keys[:found].copy(), corners, weights, point
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
    return keys[:found].copy(), corners, weights, points


@compiled
def _nearest(features, start, count, matrix, quotients, residuals, ranks):
    """Nearest corner of remainder 0, with residuals and ranks.

    Residuals are in units of d + 1; the largest has rank 0.

    Every loop over points is free of branches and calls, so that LLVM makes vector instructions of it.
    """
    size = len(matrix)
    off = np.zeros(count, np.int32)
    for row in range(size):
        for there in range(count):
            residuals[row, there] = 0
            ranks[row, there] = 0
        for axis in range(size - 1):
            # Divided before the sum and not after: then residuals are in units of d + 1 as the weights want them.
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
    """Barycentric weights: differences of the sorted residuals.

    The first corner has the rest up to 1.
    """
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
    """Hash table slot of a corner.

    Open addressing with linear probing.
    """
    mask = np.uint64(len(slots) - 1)
    # Fibonacci hashing. Keys of neighbouring corners differ by multiples of large strides, so their low bits alone
    # would collide. The high half of the product is taken, since its low bits depend on the key's low bits only.
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((mixed >> np.uint64(32)) & mask)
    while slots[slot] != _NONE and keys[slots[slot]] != key:
        slot = np.int64(np.uint64(slot + 1) & mask)
    return slot


@compiled
def _grown(keys, slots, found):
    """The same corners in hash tables twice as large."""
    larger = np.empty(2 * len(keys), np.int64)
    larger[:found] = keys[:found]
    wider = np.full(2 * len(slots), _NONE, np.int32)
    for corner in range(found):
        wider[_slot(larger[corner], larger, wider)] = corner
    return larger, wider
