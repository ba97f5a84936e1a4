"""Potts energy on a padded grid, after persistency.

Only pixels whose label is still open take part.
"""

from collections import namedtuple

import numpy as np

from weakseg.compilation.compiled import compiled_without_arrays, inlined

Padded = namedtuple("Padded", "unary weight share labels free")
"""Arrays over the n pixels of the padded grid.

unary (n, Kp), weight (n, D) to each later neighbour, share (n): one over the number of edges on a pixel's fuller side,
0 where it has none; labels (n), free (n): False where the label is fixed, or the pixel not valid.
"""


@compiled_without_arrays
def pad(unary, weight, valid, seeds, problem, offsets, stack):
    """Fill the padded grid and fix pixels by persistency.

    Fixed pixels are folded into their neighbours. Returns the cost of what is fixed.
    """
    classes, rows, columns = unary.shape
    width, half = columns + 2, weight.shape[0]
    base, count = 0.0, 0
    for i in range(rows):
        for j in range(columns):
            p = (i + 1) * width + j + 1
            for d in range(half):
                problem.weight[p, d] = weight[d, i, j]
            problem.free[p] = valid[i, j]
    for i in range(rows):
        for j in range(columns):
            if not valid[i, j]:
                continue
            p = (i + 1) * width + j + 1
            around = np.float32(0)
            for d in range(half):
                around += problem.weight[p, d] + problem.weight[p - offsets[d], d]
            # Beyond this height a label cannot win; lower values keep the integers fine.
            ceiling = np.float32(1.01) * around + np.float32(1e-6)
            lowest = unary[0, i, j]
            for k in range(1, classes):
                lowest = min(lowest, unary[k, i, j])
            base += lowest
            # Relative to the lowest cost, so that the integers later resolve differences.
            own = problem.unary[p]
            for k in range(classes):
                own[k] = min(unary[k, i, j] - lowest, ceiling)
            for k in range(classes, len(own)):
                own[k] = 2 * ceiling
            problem.share[p] = around
            label = seeds[i, j]
            if label >= 0:
                # A seed has its label at any cost, which is kept apart, exactly.
                base += np.float64(unary[label, i, j]) - lowest
                own[label] = 0
            else:
                label = forced(p, problem, classes)
            if label >= 0:
                problem.labels[p] = label
                problem.free[p] = False
                # A stack and no recursion: one fixed pixel may fix a whole image.
                stack[count] = p
                count += 1
    while count:
        count -= 1
        # Order does not matter: a pixel that is forced stays forced when more neighbours are fixed to their own best
        # labels.
        base, count = fold(stack[count], base, count, problem, offsets, stack, classes)
    for p in range(width + 1, len(problem.free) - width - 1):
        later, earlier = 0, 0
        for d in range(half):
            later += problem.weight[p, d] > 0
            earlier += problem.weight[p - offsets[d], d] > 0
        # For the messages, Kolmogorov 2006: a pixel belongs to as many monotonic chains as it has edges on its fuller
        # side.
        problem.share[p] = 1 / max(later, earlier) if later + earlier else 0
        # Nothing is left around it, so its own cheapest label is the best.
        if problem.free[p] and later + earlier == 0:
            for k in range(classes):
                if problem.unary[p, k] < problem.unary[p, problem.labels[p]]:
                    problem.labels[p] = k
    return base


@inlined
def forced(p, problem, classes):
    """Label that is optimal whatever the neighbours, or -1.

    Equation `persistency`.

    While pixels are fixed, `share` holds the weight of all edges to neighbours that are still free.
    """
    own = problem.unary[p]
    best, lowest, second = 0, own[0], np.float32(np.inf)
    for k in range(1, classes):
        if own[k] < lowest:
            best, lowest, second = k, own[k], lowest
        elif own[k] < second:
            second = own[k]
    return best if second - lowest >= problem.share[p] else -1


@compiled_without_arrays
def fold(p, base, count, problem, offsets, stack, classes):
    """Fold the edges of a fixed pixel into its neighbours.

    That may fix these too.
    """
    label, own = problem.labels[p], problem.unary[p]
    base += own[label]
    for k in range(len(own)):
        own[k] = 0
    half = problem.weight.shape[1]
    for d in range(2 * half):
        forward = d < half
        q = p + offsets[d]
        # Each edge is stored once, at its earlier pixel.
        edge = p if forward else q
        w = problem.weight[edge, d & (half - 1)]
        if w > 0:
            problem.weight[edge, d & (half - 1)] = 0
            # The edge is paid for all labels, and given back for the one that agrees: the same costs, as a constant and
            # a unary.
            base += w
            problem.unary[q, label] -= w
            problem.share[q] -= w
            if problem.free[q]:
                found = forced(q, problem, classes)
                if found >= 0:
                    problem.labels[q] = found
                    problem.free[q] = False
                    stack[count] = q
                    count += 1
    return base, count


@compiled_without_arrays
def energy(problem, offsets):
    """Energy of the free part, in float64."""
    total = 0.0
    pixels, half = problem.weight.shape
    for p in range(pixels):
        if problem.share[p] == 0:
            if problem.free[p]:
                total += problem.unary[p, problem.labels[p]]
            continue
        total += problem.unary[p, problem.labels[p]]
        for d in range(half):
            if problem.weight[p, d] > 0 and problem.labels[p] != problem.labels[p + offsets[d]]:
                total += problem.weight[p, d]
    return total
