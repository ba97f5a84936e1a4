"""Minimises a Potts energy on a grid by alpha-expansion, with a lower bound: arrays in, arrays out.

The order: pixels that cannot but have a label are fixed; a few sweeps of messages give dual variables and labels;
expansion moves improve the labels. Equations 40 to 47 of docs/theory.md.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32

from weakseg.kernels.grid_max_flow import Potts, forest
from weakseg.kernels.padded_potts import Padded, energy, pad
from weakseg.kernels.potts_moves import expansions, lower_bound, quantize
from weakseg.kernels.tree_reweighted import settle, sweep_backward, sweep_forward

DIRECTIONS = {2: ((0, 1), (1, 0)), 4: ((0, 1), (1, 0), (1, 1), (1, -1))}
"""(row, column) steps to the later neighbours, by how many there are."""

REUSE_BUDGET = 2 << 30
"""Bytes up to which dual variables of all labels are kept."""

PASSES = 3
"""Of messages, there and back, before the first cut."""


class Cut(NamedTuple):
    """A labelling, its energy from the start and after every move, and what is known about it."""

    labels: Int32[np.ndarray, "H W"]
    energies: Float[np.ndarray, " moves"]
    bound: float
    """No labelling has a lower energy."""
    settled: bool
    """No expansion of any single label lowers the energy."""


def minimise(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
    begin: Int32[np.ndarray, "H W"],
    max_sweeps: int,
) -> Cut:
    """Minimise the sum of unaries over valid pixels plus the weights of edges whose pixels differ (equation 40).

    Two labels are solved exactly: a labelling that no expansion improves is then the best.

    Args:
        unary: finite costs.
        weight: >= 0, to the later neighbour in each direction; 0 where that is outside, or either pixel is not valid.
        valid: False on pixels that are left out.
        seeds: the label of a pixel that has to have it, or -1.
        begin: a labelling to start from where it is better than the one the messages give; -1 where none is known.
        max_sweeps: how often each label may be expanded.
    """
    if bytes_with_reuse(valid.shape, len(unary), len(weight)) > REUSE_BUDGET and len(unary) > 2:
        return without_reuse(unary, weight, valid, seeds, begin, max_sweeps)
    (rows, columns), classes, half = valid.shape, len(unary), len(weight)
    width, pixels, padded = columns + 2, (rows + 2) * (columns + 2), padded_labels(classes)
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
    pass_messages(problem, duals, offsets, width)
    first = best_start(problem, begin, offsets, width)
    # Heights stay below eight times the weights around a pixel, so this scale leaves a bit to spare.
    scale = (1 << 27) / max(2 * half * float(problem.weight.max()), 1e-30)
    potts = Potts(
        labels=np.zeros(pixels, np.int32),
        weight=np.zeros((pixels, half), np.int32),
        dual=duals.view(np.int32),
        heights=np.zeros((classes, pixels), np.int32),
        current=np.zeros(pixels, np.int32),
    )
    quantize(problem, duals, potts, offsets, scale)
    bound = lower_bound(potts)
    changes = np.zeros(max_sweeps * classes)
    moves, left = expansions(problem, potts, trees, max_sweeps, changes)
    energies = base + first + np.concatenate([[0.0], np.cumsum(changes[:moves])])
    bound = max(base + max(bound, lower_bound(potts)) / scale, cheapest(unary, valid, seeds))
    labels = potts.labels.reshape(-1, width)[1:-1, 1:-1].copy()
    return Cut(labels, energies, min(float(bound), float(energies[-1])), not left)


def pass_messages(problem, duals: Float32[np.ndarray, "n D Kp"], offsets: Int[np.ndarray, " _"], width: int):
    """A few sweeps; leaves dual variables in `duals` and labels in the problem."""
    belief = np.empty(duals.shape[2], np.float32)
    given = (problem.unary, duals, problem.weight, problem.share, offsets)
    for _ in range(PASSES - 1):
        sweep_forward(*given, belief)
        sweep_backward(*given, belief)
    sweep_forward(*given, belief)
    settle(*given, width, problem.labels)


def best_start(problem, begin, offsets, width):
    """Take the given labels where they are better than those found; returns the energy of what is kept."""
    found, lowest = problem.labels.copy(), energy(problem, offsets)
    if not (begin >= 0).any():
        return lowest
    given = problem.labels.reshape(-1, width)[1:-1, 1:-1]
    free = problem.free.reshape(-1, width)[1:-1, 1:-1]
    np.copyto(given, begin, where=free & (begin >= 0))
    remembered = energy(problem, offsets)
    if remembered < lowest:
        return remembered
    problem.labels[:] = found
    return lowest


def padded_labels(classes: int) -> int:
    """How many labels messages have room for: whole vectors where that is quicker."""
    return classes if classes <= 4 else 8 * -(-classes // 8)


def bytes_with_reuse(size: tuple[int, int], classes: int, half: int) -> int:
    """Working memory beyond the inputs."""
    padded = padded_labels(classes)
    problem, potts, trees = 4 * padded + 4 * half + 9, 4 * half * (padded + 1) + 4 * classes + 8, 8 * half + 27
    return (size[0] + 2) * (size[1] + 2) * (problem + potts + trees)


def bytes_without_reuse(size: tuple[int, int], half: int) -> int:
    """Working memory beyond the inputs, whatever the number of labels: one move's two-label problem."""
    return bytes_with_reuse(size, 2, half) + size[0] * size[1] * (8 * half + 40)


def memory_needed(size: tuple[int, int], classes: int, half: int) -> int:
    """What `minimise` takes beyond its inputs, in bytes."""
    full = bytes_with_reuse(size, classes, half)
    return full if full <= REUSE_BUDGET or classes <= 2 else bytes_without_reuse(size, half)


def without_reuse(unary, weight, valid, seeds, begin, max_sweeps) -> Cut:
    """The same moves, each as a two-label problem of its own; the bound is the sum of the smallest unaries."""
    seeded = (seeds >= 0) & valid
    labels = np.where(seeded, seeds, np.where(begin >= 0, begin, unary.argmin(0))).astype(np.int32)
    energies, idle, move = [labelling_energy(unary, weight, valid, labels)], 0, 0
    while idle < len(unary) and move < max_sweeps * len(unary):
        alpha = move % len(unary)
        cut = minimise(*two_labels(alpha, unary, weight, valid, seeded, labels), max_sweeps)
        moved = np.where((cut.labels == 1) & valid & (labels != alpha), np.int32(alpha), labels)
        energy_there = labelling_energy(unary, weight, valid, moved)
        better = energy_there < energies[-1]
        labels, idle = (moved, 1) if better else (labels, idle + 1)
        energies.append(energy_there if better else energies[-1])
        move += 1
    return Cut(labels, np.array(energies), cheapest(unary, valid, seeds), idle >= len(unary))


def cheapest(unary, valid, seeds) -> float:
    """The sum of the smallest unaries: a bound that counts no edge."""
    seeded = np.take_along_axis(unary, np.maximum(seeds, 0)[None], 0)[0]
    return float(np.where(seeds >= 0, seeded, unary.min(0)).sum(where=valid, dtype=np.float64))


def two_labels(alpha: int, unary, weight, valid, seeded, labels):
    """An expansion as a Potts energy of two labels, keeping (0) and `alpha` (1), over pixels of other labels.

    Neighbours whose labels differ pay as long as one of them keeps its own: half of the weight each, and half where
    only one moves (equation 45).
    """
    open_ = valid & (labels != alpha)
    keep = np.take_along_axis(unary, labels[None], 0)[0]
    edges = np.zeros_like(weight)
    for d, step in enumerate(DIRECTIONS[len(weight)]):
        (w, _), (near, far), (a, b) = ends(weight[d], step), ends(labels, step), ends(open_, step)
        ends(edges[d], step)[0][...] = np.where(a & b, np.where(near == far, w, w / 2), 0)
        paid = np.where(near == far, 0, np.where(a & b, w / 2, w))
        here, there = ends(keep, step)
        here += np.where(a, paid, 0)
        there += np.where(b, paid, 0)
    fixed = np.where(seeded & open_, 0, -1).astype(np.int32)
    return np.stack([keep, unary[alpha]]), edges, open_, fixed, np.zeros_like(labels)


def labelling_energy(unary, weight, valid, labels) -> float:
    """Equation 40, in float64."""
    total = np.take_along_axis(unary, labels[None], 0)[0].sum(where=valid, dtype=np.float64)
    for d, step in enumerate(DIRECTIONS[len(weight)]):
        near, far = ends(labels, step)
        total += ends(weight[d], step)[0].sum(where=near != far, dtype=np.float64)
    return float(total)


def ends(values: np.ndarray, step: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Views of `values` (H, W) at both ends of every pair that is one step apart."""
    down, right = step
    rows, columns = values.shape
    near = values[: rows - down, max(0, -right) : columns - max(0, right)]
    return near, values[down:, max(0, right) : columns + min(0, right)]
