"""One minimisation under way: pixels are fixed and messages sent when it begins, moves improve its labels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

from weakseg.compilation.simd import LANES
from weakseg.cuts.expansion_moves import expansions, quantize
from weakseg.cuts.max_flow import Forest, Potts, forest
from weakseg.cuts.messages import in_pairs_of_rows, settle, sweep, sweep_eight, sweep_two, two_messages
from weakseg.cuts.padded_grid import Padded, energy, pad
from weakseg.grids.neighbours import STEPS

PASSES = 10
"""Of messages, there and back, before the first cut."""


class Cut(NamedTuple):
    """A labelling, its energy from the start and after every move, and what is known about it."""

    labels: Int32[np.ndarray, "H W"]
    energies: Float[np.ndarray, " moves"]
    bound: float
    """No labelling has a lower energy."""
    settled: bool
    """No expansion of any single label lowers the energy."""


class Run(NamedTuple):
    """The arrays of the kernels, and what turns their numbers into energies."""

    problem: Padded
    potts: Potts
    trees: Forest
    width: int
    """Of the padded grid."""
    base: float
    """Energy of what is fixed."""
    first: float
    """Energy of the labels that it began with."""
    scale: float
    """Of the integers."""


def begun(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
    begin: Int32[np.ndarray, "H W"],
    passes: int = PASSES,
) -> Run:
    """Fix pixels, send messages, and take the better of their labels and `begin`; arguments as of `minimise`."""
    (rows, columns), classes, half = valid.shape, len(unary), len(weight)
    width, pixels, padded = columns + 2, (rows + 2) * (columns + 2), padded_labels(classes)
    steps = np.array([i * width + j for i, j in STEPS[:half]])
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
    pass_messages(problem, duals, offsets, width, passes)
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
    return Run(problem, potts, trees, width, base, base + first, scale)


def improved(run: Run, max_sweeps: int) -> tuple[Float[np.ndarray, " moves"], bool]:
    """Expand each label in turn; by how much every move changed the energy, and whether none is left that would."""
    changes = np.zeros(max_sweeps * len(run.potts.heights))
    moves, left = expansions(run.problem, run.potts, run.trees, max_sweeps, changes)
    return changes[:moves], not left


def finished(run: Run) -> Int32[np.ndarray, "H W"]:
    """The labels as they are now."""
    return inside(run.potts.labels, run.width).copy()


def inside(values: np.ndarray, width: int) -> np.ndarray:
    """A view of a padded array (n,) without its border."""
    return values.reshape(-1, width)[1:-1, 1:-1]


def pass_messages(problem: Padded, duals: Float32[np.ndarray, "n D Kp"], offsets, width: int, passes: int):
    """A few sweeps; leaves dual variables in `duals` and labels in the problem."""
    unary, weight, share = problem.unary, problem.weight, problem.share
    order = np.empty(len(share), np.int32)
    order = order[: in_pairs_of_rows(share, width, order)]
    half, labels = duals.shape[1:]
    if labels == 2:
        send, messages, more = sweep_two, np.zeros_like(weight), ()
    elif labels == LANES:
        send, messages, more = sweep_eight, duals.reshape(-1, labels), ()
    else:
        send, messages, more = sweep, duals.reshape(-1, labels), (np.empty((1, labels), np.float32),)
    # Tuples, whose length the compiler knows.
    steps = tuple(offsets[:half].tolist())
    there, back = ((0,) * half, order), (steps, order[::-1].copy())
    for way in [there, back] * (passes - 1) + [there]:
        send(unary, messages, weight, share, steps, *way, *more)
    if labels == 2:
        two_messages(messages, duals)
    settle(unary, duals, weight, share, offsets, np.zeros((width + 4, labels), np.float32), problem.labels)


def best_start(problem: Padded, begin, offsets, width: int) -> float:
    """Take the given labels where they are better than those found; returns the energy of what is kept."""
    found, lowest = problem.labels.copy(), energy(problem, offsets)
    if not (begin >= 0).any():
        return lowest
    np.copyto(inside(problem.labels, width), begin, where=inside(problem.free, width) & (begin >= 0))
    remembered = energy(problem, offsets)
    if remembered < lowest:
        return remembered
    problem.labels[:] = found
    return lowest


def padded_labels(classes: int) -> int:
    """How many labels messages have room for: whole vectors, but for two, whose messages are one number."""
    return 2 if classes == 2 else LANES * -(-classes // LANES)
