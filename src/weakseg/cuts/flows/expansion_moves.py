"""Expansion moves that reuse dual variables of a Potts energy.

After Komodakis, Tziritas and Paragios 2008: the flow that a move finds stays in the dual variables of its label, so
the label's next move starts where this one ended, and the lowest heights are a lower bound at any time.
"""

import numpy as np

from weakseg.compilation.compiled import compiled_without_arrays, inlined
from weakseg.cuts.flows.max_flow import (
    BUDGET,
    DEFICITS,
    EXCESS,
    FREE,
    HEAD,
    OPEN,
    ROOT,
    SIDE,
    TAIL,
    grow,
    open_pixel,
    start,
)

FEW = 2
"""Ratio of pixels with deficits to pixels with excess above which growing from the deficits costs more than it can
save."""


@compiled_without_arrays
def quantize(problem, duals, potts, offsets, scale):
    """Weights, dual variables and heights as integers.

    Dual variables replace their floats. Rounding is downwards, so that bounds hold.
    """
    pixels, half = problem.weight.shape
    classes = potts.heights.shape[0]
    for p in range(pixels):
        potts.labels[p] = problem.labels[p]
        for d in range(half):
            # Weights are even, so that half of one is whole: edges between two labels are paid half by each end.
            w = np.int32(problem.weight[p, d] * scale * 0.5)
            potts.weight[p, d] = 2 * w
            for k in range(duals.shape[2]):
                # Single precision may leave messages a little beyond the weight; clipped, the bound is valid.
                potts.dual[p, d, k] = max(-w, min(w, np.int32(duals[p, d, k] * scale)))
    for p in range(pixels):
        if problem.share[p] == 0 and not problem.free[p]:
            continue
        for k in range(classes):
            # Downwards, so that the integers' bound is one of the given costs too.
            height = np.int32(np.floor(problem.unary[p, k] * scale))
            for d in range(half):
                height += potts.dual[p, d, k] - potts.dual[p - offsets[d], d, k]
            potts.heights[k, p] = height
        potts.current[p] = potts.heights[potts.labels[p], p]
    for p in range(pixels):
        for d in range(half):
            # Only an edge has a far end: behind the last row there is no pixel to look at.
            # Messages know nothing of the labels; from here on equation `paid-edges` is an invariant, and each change
            # restores it.
            if potts.weight[p, d] > 0 and potts.labels[p] != potts.labels[p + offsets[d]]:
                tighten(p, d, p + offsets[d], potts)


@compiled_without_arrays
def tighten(p, d, q, potts):
    """Restore dual complementarity of one edge, equation `paid-edges`.

    Its dual variables differ by the whole weight between the labels of its pixels.
    """
    a, b, weight = potts.labels[p], potts.labels[q], potts.weight[p, d]
    if a == b or weight == 0:
        return
    dual, heights = potts.dual[p, d], potts.heights
    half = weight // 2
    low, high = window(dual, a, b, len(heights))
    # The two labels' dual variables end half a weight above and below this centre. It is as near to where they were as
    # the other labels' span allows.
    centre = max(high - half, min(low + half, (dual[a] + dual[b]) >> 1))
    rise = centre + half - dual[a]
    dual[a] += rise
    heights[a, p] += rise
    heights[a, q] -= rise
    rise = centre - half - dual[b]
    dual[b] += rise
    heights[b, p] += rise
    heights[b, q] -= rise
    potts.current[p] = heights[a, p]
    potts.current[q] = heights[b, q]


@inlined
def window(dual, a, b, classes):
    """Range of an edge's dual variables, without two labels."""
    low, high = np.int32(1 << 30), np.int32(-(1 << 30))
    for k in range(classes):
        if k != a and k != b:
            low, high = min(low, dual[k]), max(high, dual[k])
    return low, high


@compiled_without_arrays
def lower_bound(potts):
    """Lower bound: the sum of each pixel's lowest height."""
    classes, pixels = potts.heights.shape
    total = 0
    for p in range(pixels):
        lowest = potts.heights[0, p]
        for k in range(1, classes):
            lowest = min(lowest, potts.heights[k, p])
        total += lowest
    return total


@compiled_without_arrays
def block_gaps(potts, width, side, gaps):
    """Gap between energy and bound per block of pixels."""
    classes, pixels = potts.heights.shape
    for p in range(pixels):
        lowest = potts.current[p]
        for k in range(classes):
            lowest = min(lowest, potts.heights[k, p])
        if potts.current[p] > lowest:
            # The padded grid has a border of one pixel around the image.
            gaps[(p // width - 1) // side, (p % width - 1) // side] += potts.current[p] - lowest


@compiled_without_arrays
def assign(labels, changed, potts, offsets):
    """Relabel some pixels, whatever that costs."""
    for p in changed:
        potts.labels[p] = labels[p]
        potts.current[p] = potts.heights[labels[p], p]
    # In a second pass, when all labels are the new ones: an edge between two changed pixels would otherwise be
    # tightened for labels that neither keeps.
    for p in changed:
        for d in range(len(offsets) // 2):
            tighten(p, d, p + offsets[d], potts)
            tighten(p - offsets[d], d, p, potts)


@compiled_without_arrays
def expand(alpha, problem, potts, trees):
    """Best expansion of one label; returns the energy change.

    It is made only where it lowers the energy.

    Where the steps run out no label changes; the flow until then is kept, and raises the bound.
    """
    count = trees.count
    count[OPEN] = count[HEAD] = count[TAIL] = 0
    if not plant(alpha, problem, potts, trees):
        return 0.0
    grow(alpha, potts, trees)
    if count[SIDE] == DEFICITS:
        # Pixels from which no deficit can be reached get the label.
        for i in range(count[OPEN]):
            p = trees.touched[i]
            trees.parent[p] = ROOT if trees.parent[p] == FREE else FREE
    # Whether or not the move is made: the flow raises the bound and shortens the label's next move.
    keep_flow(alpha, potts, trees)
    change = 0.0
    # Without a maximal flow the pixels that excess reaches are no minimal cut.
    if count[BUDGET] > 0:
        change = difference(alpha, problem, potts, trees)
    if change < 0:
        relabel(alpha, potts, trees)
    for i in range(count[OPEN]):
        p = trees.touched[i]
        # The arrays are shared by all moves, and only what was opened is cleared: a move in a corner of the image costs
        # as much as the corner.
        trees.parent[p] = FREE
        trees.opened[p] = 0
        trees.queued[p] = 0
    return min(change, 0.0)


@compiled_without_arrays
def plant(alpha, problem, potts, trees):
    """Plant search trees; False if no pixel has excess."""
    height, current = potts.heights[alpha], potts.current
    pixels_above, pixels_below, above, below = 0, 0, 0, 0
    for p in range(len(current)):
        excess = current[p] - height[p]
        if excess > 0:
            pixels_above += 1
            above += excess
        elif excess < 0:
            pixels_below += 1
            below -= excess
    if pixels_above == 0:
        return False
    # A choice of speed alone: both directions find the same flow value.
    if pixels_above * FEW < pixels_below or above > below:
        trees.count[SIDE] = EXCESS
        for p in range(len(current)):
            if current[p] > height[p]:
                open_pixel(p, alpha, potts, trees)
                start(p, trees)
    else:
        trees.count[SIDE] = DEFICITS
        # Every pixel that may change is opened here: those that no deficit reaches take the label, whether or not they
        # have excess.
        for p in range(len(current)):
            if problem.free[p] and potts.labels[p] != alpha:
                open_pixel(p, alpha, potts, trees)
                if current[p] < height[p]:
                    start(p, trees)
    return True


@compiled_without_arrays
def keep_flow(alpha, potts, trees):
    """Store the flow as dual variables, equation `dual-update`.

    Their span limits how much can be kept.
    """
    offsets, half, classes = trees.offsets, potts.weight.shape[1], len(potts.heights)
    height = potts.heights[alpha]
    for i in range(trees.count[OPEN]):
        p = trees.touched[i]
        for d in range(half):
            q = p + offsets[d]
            weight = potts.weight[p, d]
            if trees.opened[q] == 0 or weight == 0 or potts.labels[q] == alpha:
                continue
            dual = potts.dual[p, d]
            if trees.count[SIDE] == EXCESS:
                # The residual capacity of equation `residual`, solved for the dual variable of alpha.
                wanted = weight + dual[potts.labels[q]] - trees.residual[p, d]
            else:
                wanted = trees.residual[p, d] - weight + dual[potts.labels[p]]
            if wanted != dual[alpha]:
                # With three labels and more, the span that the others need may leave no room for all of the flow; the
                # rest is lost, and found again by the next move.
                low, high = window(dual, alpha, alpha, classes)
                rise = max(high - weight, min(low + weight, wanted)) - dual[alpha]
                dual[alpha] += rise
                height[p] += rise
                height[q] -= rise


@compiled_without_arrays
def difference(alpha, problem, potts, trees):
    """Energy change of the move, in float64.

    It is computed from the weights as given.
    """
    offsets, labels, half = trees.offsets, potts.labels, potts.weight.shape[1]
    change = 0.0
    for i in range(trees.count[OPEN]):
        p = trees.touched[i]
        if trees.parent[p] == FREE:
            continue
        # Not from the integers: costs were capped and rounded there, and a move that only seems to help would be made
        # and undone for ever.
        change += np.float64(problem.unary[p, alpha]) - np.float64(problem.unary[p, labels[p]])
        for d in range(2 * half):
            q = p + offsets[d]
            w = problem.weight[p, d] if d < half else problem.weight[q, d - half]
            if w == 0:
                continue
            if trees.parent[q] != FREE:
                # Both move; counted once.
                if d < half and labels[q] != labels[p]:
                    change -= w
            elif labels[q] == alpha:
                change -= w
            elif labels[q] == labels[p]:
                change += w
    return change


@compiled_without_arrays
def relabel(alpha, potts, trees):
    """Give the label to pixels that excess reaches."""
    offsets, half = trees.offsets, potts.weight.shape[1]
    for i in range(trees.count[OPEN]):
        p = trees.touched[i]
        if trees.parent[p] != FREE:
            potts.labels[p] = alpha
            potts.current[p] = potts.heights[alpha, p]
    for i in range(trees.count[OPEN]):
        p = trees.touched[i]
        if trees.parent[p] != FREE:
            for d in range(half):
                tighten(p, d, p + offsets[d], potts)
                tighten(p - offsets[d], d, p, potts)


@compiled_without_arrays
def expansions(problem, potts, trees, max_sweeps, changes):
    """Expand labels in turn until none helps.

    Returns the number of moves, and whether another might help.
    """
    classes, count = len(potts.heights), trees.count
    idle, move = 0, 0
    while idle < classes and move < max_sweeps * classes and count[BUDGET] > 0:
        changes[move] = expand(move % classes, problem, potts, trees)
        # An accepted move is optimal for its label, so that label is skipped until another has moved.
        idle = 1 if changes[move] < 0 else idle + 1
        move += 1
    return move, idle < classes or count[BUDGET] <= 0
