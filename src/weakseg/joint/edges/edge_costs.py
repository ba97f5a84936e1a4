"""Compiled values of a segmentation under edges, for one image.

They are what `edge_costs_torch` has for many images. Sums may be reordered, so that loops are vectorised.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.compilation.cache import cached
from weakseg.compilation.exponential import exponential

REORDERED = {"contract", "reassoc"}


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def entering(edges, steps, added):
    """Write the net sum of edge multipliers per cell, (C, h, w).

    An edge (D, C, h, w) lowers the cell it leaves and raises the cell it enters.
    """
    directions, classes, height, width = edges.shape
    added[:] = 0
    for k in range(classes):
        for d in range(directions):
            down, right = steps[d, 0], steps[d, 1]
            near, far, length = max(0, -right), max(0, right), width - abs(right)
            for row in range(height - down):
                flow = edges[d, k, row, near : near + length]
                # Apart: within a row the two loops write the same cells, which would not be vectorised as one.
                _add(added[k, row, near : near + length], flow, -1.0)
                _add(added[k, row + down, far : far + length], flow, 1.0)


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def _add(to, what, sign):
    for i in range(len(what)):
        to[i] += sign * what[i]


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def seen(scores, taken, mean, cells, edges, soft):
    """Write the segmentation of the multipliers; return the other values of `edge_costs_torch.Seen`.

    Arrays are (C, h, w), and those of `cells` and `edges` as there, each without the batch.
    """
    (mass, moving), (half, steps) = cells, edges
    flat = (len(scores), mass.size)
    partition = _soften(scores.reshape(flat), taken.reshape(flat), mass.reshape(-1), soft.reshape(flat))
    apart = _divergence(mean.reshape(flat), soft.reshape(flat), moving.reshape(-1))
    return partition, _paid(soft, taken, half, steps), _paid(mean, taken, half, steps) + apart


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def _soften(scores, taken, mass, soft):
    """Write the softmax of scores and multipliers; return the sum over cells of mass times log-sum-exp.

    Args:
        scores: (C, n); -inf where a class is not allowed.
        taken: (C, n), net sum of edge multipliers per cell.
        mass: (n,), above 0.
        soft: (C, n); written.
    """
    classes, cells = scores.shape
    top, partition = np.full(cells, -np.inf), np.zeros(cells)
    for k in range(classes):
        for i in range(cells):
            soft[k, i] = scores[k, i] + taken[k, i] / mass[i]
            top[i] = max(top[i], soft[k, i])
    for k in range(classes):
        for i in range(cells):
            soft[k, i] = exponential(soft[k, i] - top[i])
            partition[i] += soft[k, i]
    for k in range(classes):
        for i in range(cells):
            soft[k, i] /= partition[i]
    total = 0.0
    for i in range(cells):
        total += mass[i] * (top[i] + np.log(partition[i]))
    return total


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def _paid(probs, taken, half, steps):
    """Cost of the label changes of `probs` (C, h, w) beyond what the multipliers promise; 0 or more.

    `half` (D, h, w) is half the weight of each edge, at the cell where it begins.
    """
    classes, height, width = probs.shape
    total = 0.0
    for k in range(classes):
        for d in range(len(steps)):
            down, right = steps[d, 0], steps[d, 1]
            near, far, length = max(0, -right), max(0, right), width - abs(right)
            for row in range(height - down):
                one = probs[k, row, near : near + length]
                other = probs[k, row + down, far : far + length]
                cost = half[d, row, near : near + length]
                for i in range(length):
                    # The edges' price less what their multipliers already charge: 0 where each multiplier is at the
                    # bound that the difference asks for.
                    total += abs(one[i] - other[i]) * cost[i]
        for row in range(height):
            for column in range(width):
                total += taken[k, row, column] * probs[k, row, column]
    # Each term is at least 0 by duality; rounding of the sum may be below.
    return max(total, 0.0)


@partial(cached, error_model="numpy", fastmath=REORDERED)
@no_type_check
def _divergence(probs, soft, moving):
    """Sum over cells of their weight `moving` (n,) times the divergence of `probs` from `soft`, (C, n)."""
    classes, cells = probs.shape
    total = 0.0
    for k in range(classes):
        for i in range(cells):
            # p log p is 0 at 0. `soft` may be 0 only where the class is not allowed, and there `probs` is 0 too.
            if moving[i] > 0 and probs[k, i] > 0:
                total += moving[i] * probs[k, i] * np.log(probs[k, i] / soft[k, i])
    return total
