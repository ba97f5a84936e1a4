"""Lower bounds raised label by label, each by a maximum flow.

Equation `raised`. Dual variables of one label may move as far as those of the others leave room; within that room, the
highest bound is a maximum flow from pixels where the label would be lowest to pixels where it is not. Messages first:
they find how labels share the room.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int32

from weakseg.compilation.compiled import compiled_without_arrays, inlined
from weakseg.cuts.flows.expansion_moves import FEW, lower_bound, window
from weakseg.cuts.flows.max_flow import BUDGET, DEFICITS, EXCESS, FREE, HEAD, OPEN, SIDE, TAIL, grow, start
from weakseg.cuts.run import Run, begun

PASSES = 30
"""Passes of messages before the flows, each there and back."""

STEPS_A_PIXEL = 500
"""Flow steps per pixel; where they run out, the bound is valid and not as high as it could be."""


def raised_bound(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
) -> float:
    """Lower bound on the energy of any labelling; arguments as of `minimise`."""
    run = raised(unary, weight, valid, seeds)
    return float(run.base + lower_bound(run.potts) / run.scale)


def raised(unary, weight, valid, seeds) -> Run:
    """The problem with heights that give a high bound."""
    run = begun(unary, weight, valid, seeds, np.full_like(seeds, -1), PASSES)
    run.trees.count[BUDGET] = STEPS_A_PIXEL * valid.size
    raise_labels(run)
    return run


def raise_labels(run: Run) -> None:
    """Raise the bound label by label, once each."""
    for label in range(len(run.potts.heights)):
        raise_label(label, run.potts, run.trees)


@compiled_without_arrays
def raise_label(alpha, potts, trees):
    """Raise the bound as far as the dual variables of one label can."""
    heights, weight, dual, offsets, count = potts.heights, potts.weight, potts.dual, trees.offsets, trees.count
    classes, pixels = heights.shape
    half = weight.shape[1]
    count[OPEN] = count[HEAD] = count[TAIL] = 0
    count[SIDE] = side_to_grow_from(alpha, potts, trees)
    for p in range(pixels):
        for d in range(half):
            w, q = weight[p, d], p + offsets[d]
            # Pixels behind the last row do not exist.
            if w > 0:
                low, high = window(dual[p, d], alpha, alpha, classes)
                there, back = low + w - dual[p, d, alpha], dual[p, d, alpha] - (high - w)
                if count[SIDE] == DEFICITS:
                    there, back = back, there
                trees.residual[p, d], trees.residual[q, d + half] = there, back
    for p in range(pixels):
        if trees.excess[p] > 0:
            start(p, trees)
    grow(alpha, potts, trees)
    for p in range(pixels):
        trees.parent[p], trees.opened[p], trees.queued[p] = FREE, 0, 0
        for d in range(half):
            w, q = weight[p, d], p + offsets[d]
            if w > 0:
                low, _ = window(dual[p, d], alpha, alpha, classes)
                left = trees.residual[p, d] if count[SIDE] == EXCESS else trees.residual[q, d + half]
                rise = low + w - left - dual[p, d, alpha]
                dual[p, d, alpha] += rise
                heights[alpha, p] += rise
                heights[alpha, q] -= rise


@inlined
def side_to_grow_from(alpha, potts, trees):
    """Fill in excess, and say whether trees grow from it or from deficits.

    Excess is how far the label lies below all others. All pixels become open, with no residual yet.
    """
    classes, pixels = potts.heights.shape
    pixels_above, pixels_below, above, below = 0, 0, 0, 0
    for p in range(pixels):
        lowest = np.int32((1 << 31) - 1)
        for k in range(classes):
            if k != alpha:
                lowest = min(lowest, potts.heights[k, p])
        excess = lowest - potts.heights[alpha, p]
        trees.excess[p], trees.opened[p] = excess, 1
        for d in range(trees.residual.shape[1]):
            trees.residual[p, d] = 0
        if excess > 0:
            pixels_above += 1
            above += excess
        elif excess < 0:
            pixels_below += 1
            below -= excess
    if pixels_above * FEW < pixels_below or above > below:
        return EXCESS
    for p in range(pixels):
        trees.excess[p] = -trees.excess[p]
    return DEFICITS
