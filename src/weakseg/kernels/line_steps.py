r"""Steps of the joint dual along the lines of a grid, equation 67 of docs/theory.md: exact on each whole line at once.

What the multipliers of a line's edges take from its cells is a total-variation problem of one dimension,

.. math:: \min_x \sum_i \frac{c_i}{2} (x_i - g_i)^2 + \sum_i w_i |x_i - x_{i+1}|,

solved exactly by dynamic programming over the kinks of its derivative (Johnson 2013). So a step carries from one end
of the image to the other however strong the edges are, where steps edge by edge go one cell at a time.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.kernels.class_moments import exponential
from weakseg.kernels.compiled import compiled_numpy
from weakseg.kernels.kept import kept

BLOCK = 128
SURE = 16.0
"""Cells with one class left do not bend the dual: any curvature will do, and a small one is quick."""


@partial(kept, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def distributions(scores, taken, mass, probs):
    """Write softmax(scores + taken / mass) of each cell; returns the sum of mass times log-sum-exp.

    Args:
        scores: (C, n), -inf where a class is not allowed; every cell has one that is.
        taken: (C, n), what edges add to each cell, in nats.
        mass: (n,), above 0.
        probs: (C, n), written.
    """
    classes, cells = scores.shape
    top, total, value = np.empty(BLOCK), np.empty(BLOCK), 0.0
    for start in range(0, cells, BLOCK):
        count = min(BLOCK, cells - start)
        for i in range(count):
            top[i] = -np.inf
            total[i] = 0.0
        for k in range(classes):
            for i in range(count):
                at = start + i
                s = scores[k, at] + taken[k, at] / mass[at]
                probs[k, at] = s
                top[i] = s if s > top[i] else top[i]
        for k in range(classes):
            for i in range(count):
                e = exponential(probs[k, start + i] - top[i])
                probs[k, start + i] = e
                total[i] += e
        for i in range(count):
            value += mass[start + i] * (top[i] + np.log(total[i]))
            total[i] = 1.0 / total[i]
        for k in range(classes):
            for i in range(count):
                probs[k, start + i] *= total[i]
    return value


@compiled_numpy
def line_step(share, taken, probs, mass, sure, half, bend, down, right):
    """The best multipliers of all edges in one direction, in a model of the dual that bends by `bend`.

    Args:
        share: (C, h, w), what edges of this direction add to each cell; written.
        taken: (C, h, w), the sum over directions; written.
        probs: (C, h, w), at `taken`.
        mass: (h, w), above 0.
        sure: (h, w), where one class is left.
        half: (h, w), half the weight of the edge from each cell to the next one of its line.
        bend: curvature of the log-sum-exp that is counted on; 1/2 is never too small.
        down: rows to the next cell.
        right: columns to it.
    """
    classes, height, width = share.shape
    longest = max(height, width)
    pull, stiff, price, answer = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    kinks, turns = np.empty(2 * longest + 2), np.empty(2 * longest + 2)
    lowest, highest = np.empty(longest), np.empty(longest)
    for k in range(classes):
        for first_row in range(height):
            for first_column in range(width):
                before = first_column - right
                if first_row >= down and 0 <= before < width:
                    continue
                row, column, length = first_row, first_column, 0
                while row < height and 0 <= column < width:
                    weight = mass[row, column] / bend * (SURE if sure[row, column] else 1.0)
                    stiff[length] = weight
                    pull[length] = share[k, row, column] / weight - probs[k, row, column]
                    price[length] = half[row, column]
                    length, row, column = length + 1, row + down, column + right
                _total_variation(length, pull, stiff, price, answer, kinks, turns, lowest, highest)
                row, column = first_row, first_column
                for i in range(length):
                    new = (pull[i] - answer[i]) * stiff[i]
                    taken[k, row, column] += new - share[k, row, column]
                    share[k, row, column] = new
                    row, column = row + down, column + right


@compiled_numpy
def _total_variation(length, pull, stiff, price, answer, kinks, turns, lowest, highest):
    """Write the minimiser; the derivative of what lies before a cell is piecewise linear, its kinks a double queue."""
    first, last = length, length - 1
    below, above = 0.0, 0.0
    for i in range(length - 1):
        slope, value = stiff[i], below - stiff[i] * pull[i]
        while first <= last and slope * kinks[first] + value < -price[i]:
            slope += turns[first]
            value -= turns[first] * kinks[first]
            first += 1
        first -= 1
        kinks[first], turns[first] = (-price[i] - value) / slope, slope
        lowest[i] = kinks[first]
        slope, value = stiff[i], above - stiff[i] * pull[i]
        # Never the kink that was just made: the derivative there is -price, but for rounding.
        while last > first and slope * kinks[last] + value > price[i]:
            slope -= turns[last]
            value += turns[last] * kinks[last]
            last -= 1
        last += 1
        kinks[last], turns[last] = (price[i] - value) / slope, -slope
        highest[i] = kinks[last]
        below, above = -price[i], price[i]
    end = length - 1
    slope, value = stiff[end], below - stiff[end] * pull[end]
    while first <= last and slope * kinks[first] + value < 0.0:
        slope += turns[first]
        value -= turns[first] * kinks[first]
        first += 1
    answer[end] = -value / slope
    for i in range(length - 2, -1, -1):
        answer[i] = min(max(answer[i + 1], lowest[i]), highest[i])
