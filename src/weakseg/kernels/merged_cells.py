"""Neighbours whose distributions are nearly alike, made one region with one distribution.

A total variation makes most neighbours exactly equal, and multipliers that are not quite the best ones make them
nearly so. Where edges are strong the small differences cost far more than what tells them apart.
"""

import numpy as np

from weakseg.kernels.compiled import compiled_numpy


@compiled_numpy
def merged_cells(probs, mass, half, steps, alike):
    """Distributions (C, h, w) that are constant on regions, by the mean of their logarithms, weighed by mass.

    Args:
        probs: (C, h, w).
        mass: (h, w), above 0.
        half: (D, h, w), half the weight of each edge; where it is 0 nothing is merged.
        steps: (D, 2), rows and columns from each cell to its neighbour.
        alike: largest difference of the probabilities of any class.
    """
    classes, height, width = probs.shape
    parent = np.arange(height * width)
    for d in range(len(steps)):
        down, right = steps[d, 0], steps[d, 1]
        for row in range(height - down):
            for column in range(max(0, -right), width - max(0, right)):
                if half[d, row, column] <= 0.0:
                    continue
                near = True
                for k in range(classes):
                    difference = probs[k, row, column] - probs[k, row + down, column + right]
                    if abs(difference) > alike:
                        near = False
                        break
                if near:
                    one, other = row * width + column, (row + down) * width + column + right
                    _join(parent, one, other)
    return _means(probs, mass, parent)


@compiled_numpy
def _root(parent, cell):
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@compiled_numpy
def _join(parent, one, other):
    one, other = _root(parent, one), _root(parent, other)
    if one < other:
        parent[other] = one
    else:
        parent[one] = other


@compiled_numpy
def _means(probs, mass, parent):
    """The normalised geometric mean of each region; a class that is impossible anywhere in it is so everywhere."""
    classes, height, width = probs.shape
    total, sums = np.zeros(height * width), np.zeros((classes, height * width))
    for cell in range(height * width):
        root, row, column = _root(parent, cell), cell // width, cell % width
        total[root] += mass[row, column]
        for k in range(classes):
            value = probs[k, row, column]
            sums[k, root] += mass[row, column] * (np.log(value) if value > 0.0 else -np.inf)
    merged, apart = np.empty_like(probs), np.zeros(height * width, np.bool_)
    for cell in range(height * width):
        root, row, column = _root(parent, cell), cell // width, cell % width
        if root == cell:
            top, whole = -np.inf, 0.0
            for k in range(classes):
                sums[k, root] /= total[root]
                top = max(top, sums[k, root])
            # Cells that have no class in common stay as they are.
            apart[root] = top == -np.inf
            for k in range(classes):
                sums[k, root] = np.exp(sums[k, root] - top)
                whole += sums[k, root]
            for k in range(classes):
                sums[k, root] /= whole
        for k in range(classes):
            merged[k, row, column] = probs[k, row, column] if apart[root] else sums[k, root]
    return merged
