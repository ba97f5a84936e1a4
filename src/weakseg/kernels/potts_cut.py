"""Minimises a Potts energy on a grid by alpha-expansion, with a lower bound: everything between arrays in and out.

The order: pixels that cannot but have a label are fixed; a few sweeps of messages give dual variables and labels;
expansion moves improve the labels, and what their flows find stays in the dual variables (Komodakis, Tziritas and
Paragios 2008), so that a label's next move starts where its last one ended. Equations 40-49 of docs/theory.md.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32
from numba import njit

from weakseg.kernels.grid_max_flow import FREE, HEAD, OPEN, TAIL, TIME, Forest, Potts, forest, grow, start
from weakseg.kernels.tree_reweighted import settle, sweep_backward, sweep_forward

DIRECTIONS = {2: ((0, 1), (1, 0)), 4: ((0, 1), (1, 0), (1, 1), (1, -1))}
"""(row, column) steps to the later neighbours, by how many there are."""


class Padded(NamedTuple):
    """The energy with a border of one pixel, over the pixels that are still free."""

    unary: Float32[np.ndarray, "n Kp"]
    weight: Float32[np.ndarray, "n D"]
    share: Float32[np.ndarray, " n"]
    """One over the number of edges on a pixel's fuller side; 0 where it has no edge."""
    labels: Int32[np.ndarray, " n"]
    free: Bool[np.ndarray, " n"]


@njit(nogil=True, cache=True)
def pad(unary, weight, valid, seeds, problem, offsets, stack):
    """Copy into the padded grid, fix every pixel that can be, and fold it into its neighbours; returns its cost."""
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
            own = problem.unary[p]
            for k in range(classes):
                own[k] = min(unary[k, i, j] - lowest, ceiling)
            for k in range(classes, len(own)):
                own[k] = 2 * ceiling
            label = seeds[i, j]
            if label >= 0:
                base += np.float64(unary[label, i, j]) - lowest
                own[label] = 0
            else:
                label = forced(p, problem, offsets, classes)
            if label >= 0:
                problem.labels[p] = label
                problem.free[p] = False
                stack[count] = p
                count += 1
    while count:
        count -= 1
        base, count = fold(stack[count], base, count, problem, offsets, stack, classes)
    for p in range(width + 1, len(problem.free) - width - 1):
        later, earlier = 0, 0
        for d in range(half):
            later += problem.weight[p, d] > 0
            earlier += problem.weight[p - offsets[d], d] > 0
        if later + earlier:
            problem.share[p] = 1 / max(later, earlier)
    return base


@njit(nogil=True, cache=True)
def forced(p, problem, offsets, classes):
    """The label that a pixel has whatever its neighbours have, or -1; equation 42."""
    own = problem.unary[p]
    best, lowest, second = 0, own[0], np.float32(np.inf)
    for k in range(1, classes):
        if own[k] < lowest:
            best, lowest, second = k, own[k], lowest
        elif own[k] < second:
            second = own[k]
    around = np.float32(0)
    for d in range(len(problem.weight[p])):
        around += problem.weight[p, d] + problem.weight[p - offsets[d], d]
    return best if second - lowest >= around else -1


@njit(nogil=True, cache=True)
def fold(p, base, count, problem, offsets, stack, classes):
    """Move the edges of a fixed pixel into its neighbours' unaries, which may fix these too."""
    label, own = problem.labels[p], problem.unary[p]
    base += own[label]
    for k in range(len(own)):
        own[k] = 0
    half = problem.weight.shape[1]
    for d in range(2 * half):
        forward = d < half
        q = p + offsets[d]
        edge = p if forward else q
        w = problem.weight[edge, d & (half - 1)]
        if w > 0:
            problem.weight[edge, d & (half - 1)] = 0
            base += w
            problem.unary[q, label] -= w
            if problem.free[q]:
                found = forced(q, problem, offsets, classes)
                if found >= 0:
                    problem.labels[q] = found
                    problem.free[q] = False
                    stack[count] = q
                    count += 1
    return base, count


@njit(nogil=True, cache=True)
def energy(problem, offsets):
    """Of the free part, in float64."""
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


@njit(nogil=True, cache=True)
def quantize(problem, duals, potts, offsets, scale):
    """Weights, dual variables (in place of their floats) and heights as integers; rounded down, so bounds hold."""
    pixels, half = problem.weight.shape
    classes = potts.heights.shape[0]
    for p in range(pixels):
        potts.labels[p] = problem.labels[p]
        for d in range(half):
            w = np.int32(problem.weight[p, d] * scale * 0.5)
            potts.weight[p, d] = 2 * w
            for k in range(duals.shape[2]):
                potts.dual[p, d, k] = max(-w, min(w, np.int32(duals[p, d, k] * scale)))
    height = np.empty(duals.shape[2], np.int32)
    for p in range(pixels):
        if problem.share[p] == 0 and not problem.free[p]:
            continue
        for k in range(len(height)):
            height[k] = np.int32(np.floor(problem.unary[p, k] * scale))
        for d in range(half):
            mine, theirs = potts.dual[p, d], potts.dual[p - offsets[d], d]
            for k in range(len(height)):
                height[k] += mine[k] - theirs[k]
        for k in range(classes):
            potts.heights[k, p] = height[k]
        potts.current[p] = height[potts.labels[p]]
    for p in range(pixels):
        for d in range(half):
            tighten(p, d, p + offsets[d], potts)


@njit(nogil=True, cache=True)
def tighten(p, d, q, potts):
    """Make the dual variables of an edge differ by all its weight between the labels of its pixels, equation 44."""
    a, b, weight = potts.labels[p], potts.labels[q], potts.weight[p, d]
    if a == b or weight == 0:
        return
    dual, heights = potts.dual[p, d], potts.heights
    half = weight // 2
    low, high = window(dual, a, b, len(heights))
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


@njit(nogil=True, cache=True)
def window(dual, a, b, classes):
    """Smallest and largest dual variable of an edge, over labels other than two."""
    low, high = np.int32(1 << 30), np.int32(-(1 << 30))
    for k in range(classes):
        if k != a and k != b:
            low, high = min(low, dual[k]), max(high, dual[k])
    return low, high


@njit(nogil=True, cache=True)
def lower_bound(potts):
    """Sum of each pixel's lowest height."""
    classes, pixels = potts.heights.shape
    total = 0
    for p in range(pixels):
        lowest = potts.heights[0, p]
        for k in range(1, classes):
            lowest = min(lowest, potts.heights[k, p])
        total += lowest
    return total


@njit(nogil=True, cache=True)
def expand(alpha, problem, potts, trees):
    """The best expansion of one label, made where it lowers the energy; returns by how much it changed."""
    height, current, count = potts.heights[alpha], potts.current, trees.count
    count[OPEN] = count[HEAD] = count[TAIL] = 0
    for p in range(len(current)):
        if current[p] > height[p]:
            start(p, alpha, potts, trees)
    if count[TAIL] == 0:
        return 0.0
    grow(alpha, potts, trees)
    keep_flow(alpha, potts, trees)
    change = difference(alpha, problem, potts, trees)
    if change < 0:
        relabel(alpha, potts, trees)
    for i in range(count[OPEN]):
        p = trees.touched[i]
        trees.parent[p] = FREE
        trees.opened[p] = 0
    return min(change, 0.0)


@njit(nogil=True, cache=True)
def keep_flow(alpha, potts, trees):
    """Turn the flow into dual variables, as far as their span allows; equation 47."""
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
            wanted = weight + dual[potts.labels[q]] - trees.residual[p, d]
            if wanted != dual[alpha]:
                low, high = window(dual, alpha, alpha, classes)
                rise = max(high - weight, min(low + weight, wanted)) - dual[alpha]
                dual[alpha] += rise
                height[p] += rise
                height[q] -= rise


@njit(nogil=True, cache=True)
def difference(alpha, problem, potts, trees):
    """What the move changes, from the weights as they were given, in float64."""
    offsets, labels, half = trees.offsets, potts.labels, potts.weight.shape[1]
    change = 0.0
    for i in range(trees.count[OPEN]):
        p = trees.touched[i]
        if trees.parent[p] == FREE:
            continue
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


@njit(nogil=True, cache=True)
def relabel(alpha, potts, trees):
    """Give the label to all that excess still reaches."""
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


@njit(nogil=True, cache=True)
def expansions(problem, potts, trees, max_sweeps, changes):
    """Moves in ascending order of labels, again and again, until none helps; returns how many, and if one might."""
    classes = len(potts.heights)
    idle, move = 0, 0
    while idle < classes and move < max_sweeps * classes:
        changes[move] = expand(move % classes, problem, potts, trees)
        # A move that was made is the best of its label: that label rests until another has moved.
        idle = 1 if changes[move] < 0 else idle + 1
        move += 1
    return move, idle < classes


class Cut(NamedTuple):
    """A labelling, its energy from the start and after every move, and what is known about it."""

    labels: Int32[np.ndarray, "H W"]
    energies: Float[np.ndarray, " moves"]
    bound: float
    settled: bool
    """No expansion of any single label lowers the energy."""


def minimise(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
    begin: Int32[np.ndarray, "H W"],
    max_sweeps: int,
    passes: int = 3,
) -> Cut:
    """Minimise the sum of unaries over valid pixels plus the weights of edges whose pixels differ (equation 40).

    Args:
        unary: finite costs.
        weight: >= 0, to the later neighbour in each direction; 0 where that is outside, or either pixel is not valid.
        valid: False on pixels that are left out.
        seeds: the label of a pixel that has to have it, or -1.
        begin: a labelling to start from where it is better than the one the messages give; -1 where none is known.
        max_sweeps: how often each label may be expanded.
        passes: of messages, there and back.
    """
    classes, rows, columns = unary.shape
    padded, half = (1 if classes < 2 else 8) * -(-classes // (1 if classes < 2 else 8)), len(weight)
    if classes <= 4:
        padded = classes
    width, pixels = columns + 2, (rows + 2) * (columns + 2)
    steps = np.array([i * width + j for i, j in DIRECTIONS[half]])
    offsets = np.concatenate([steps, -steps])
    problem = Padded(
        unary=np.zeros((pixels, padded), np.float32),
        weight=np.zeros((pixels, half), np.float32),
        share=np.zeros(pixels, np.float32),
        labels=np.zeros(pixels, np.int32),
        free=np.zeros(pixels, np.bool_),
    )
    trees = forest(pixels, offsets)
    base = pad(unary, weight, valid, seeds, problem, offsets, trees.queue)
    duals = np.zeros((pixels, half, padded), np.float32)
    belief = np.empty(padded, np.float32)
    first = problem.labels.copy()
    for i in range(passes):
        sweep_forward(problem.unary, duals, problem.weight, problem.share, offsets, belief)
        if i < passes - 1:
            sweep_backward(problem.unary, duals, problem.weight, problem.share, offsets, belief)
    settle(problem.unary, duals, problem.weight, problem.share, offsets, width, problem.labels)
    lowest = energy(problem, offsets)
    scale = (1 << 27) / max(8 * float(problem.weight.max()), 1e-30)
    potts = Potts(
        labels=np.zeros(pixels, np.int32),
        weight=np.zeros((pixels, half), np.int32),
        dual=duals.view(np.int32),
        heights=np.zeros((classes, pixels), np.int32),
        current=np.zeros(pixels, np.int32),
    )
    quantize(problem, duals, potts, offsets, scale)
    before = lower_bound(potts)
    changes = np.zeros(max_sweeps * classes)
    moves, left = expansions(problem, potts, trees, max_sweeps, changes)
    bound = base + max(before, lower_bound(potts)) / scale
    energies = base + lowest + np.concatenate([[0], np.cumsum(changes[:moves])])
    labels = potts.labels.reshape(rows + 2, width)[1:-1, 1:-1].copy()
    return Cut(labels, energies, min(bound, energies[-1]), not left)
