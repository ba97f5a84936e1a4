"""What edges across a window's border add to its pixels.

Two answers: for a bound, the dual variables that a coarser grid suggests for those edges, the same in both windows; for
labels, the price of differing from the labels outside.
"""

import numpy as np

from weakseg.compilation.compiled import compiled_without_arrays, inlined

HALF = np.float32(0.55)
"""Share of a cell's flow that each of two parallel lines of pixels takes; a little more than half, because an edge of
cells counts the cheapest of several places."""


@compiled_without_arrays
def border_terms(weight, labels, coarse, steps, corners, added):
    """Add both to the window's pixels.

    Args:
        weight: (D, H, W) and labels (H, W), of the image.
        coarse: (r', c', D, K) dual variables on cells of two by two pixels, those in the window and two around it.
        steps: (D, 2), rows and columns to the later neighbours.
        corners: (2, 2), row and column of the window's first pixel, and of the first of these cells.
        added: three arrays of zeros that are written to: what dual variables add (K, r, c), what differing costs
            (K, r, c), and the dual variables (r, c, 2D, K), of edges to later pixels first.
    """
    suggested, paid, crossing = added
    classes, rows, columns = suggested.shape
    for i in range(rows):
        inner = 0 < i < rows - 1
        j = 0
        while j < columns:
            y, x = corners[0, 0] + i, corners[0, 1] + j
            for d in range(len(steps)):
                for sign in (1, -1):
                    down, right = sign * steps[d, 0], sign * steps[d, 1]
                    if 0 <= i + down < rows and 0 <= j + right < columns:
                        continue
                    if not (0 <= y + down < labels.shape[0] and 0 <= x + right < labels.shape[1]):
                        continue
                    # The edge's earlier pixel.
                    top, left = (y, x) if sign == 1 else (y + down, x + right)
                    w = weight[d, top, left]
                    if w == 0:
                        continue
                    r, r_next, part_r = between(top, steps[d, 0], (labels.shape[0] + 1) // 2, corners[1, 0])
                    c, c_next, part_c = between(left, steps[d, 1], (labels.shape[1] + 1) // 2, corners[1, 1])
                    row = crossing[i, j, d if sign == 1 else d + len(steps)]
                    for k in range(classes):
                        upper = (1 - part_c) * coarse[r, c, d, k] + part_c * coarse[r, c_next, d, k]
                        lower = (1 - part_c) * coarse[r_next, c, d, k] + part_c * coarse[r_next, c_next, d, k]
                        row[k] = HALF * ((1 - part_r) * upper + part_r * lower)
                    limit(row, w)
                    outside = labels[y + down, x + right]
                    for k in range(classes):
                        suggested[k, i, j] += sign * row[k]
                        if k != outside:
                            paid[k, i, j] += w
            # Between the first and the last column of an inner row, no edge leaves the window.
            j = columns - 1 if inner and 0 == j < columns - 1 else j + 1


@inlined
def limit(row, w):
    """Make an edge's dual variables span at most its weight."""
    low, high = np.float32(3e38), np.float32(-3e38)
    for k in range(len(row)):
        low, high = min(low, row[k]), max(high, row[k])
    middle, half = np.float32(0.5) * (low + high), np.float32(0.4999) * w
    for k in range(len(row)):
        row[k] = min(max(row[k] - middle, -half), half)


@inlined
def between(at, step, cells, origin):
    """Two cells and the share of the second, for an edge that begins at a pixel.

    Along its direction dual variables are linear between the middles of the cells' edges, so what enters a cell and
    leaves it is shared evenly by its pixels.
    """
    if step == 0:
        cell = min(at // 2, cells - 1) - origin
        return cell, cell, np.float32(0)
    # In cells; the middle of an edge lies half a step from its first pixel.
    place = (at + 0.5 + step / 2) / 2 - 0.5 - step / 2
    below = int(np.floor(place))
    share = np.float32(place - below)
    return min(max(below, 0), cells - 1) - origin, min(max(below + 1, 0), cells - 1) - origin, share
