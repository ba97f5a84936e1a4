"""One minimisation in progress.

It begins with fixing pixels and with messages; moves then improve its labels.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

from weakseg.compilation.simd import LANES
from weakseg.cuts.flows.expansion_moves import expansions, quantize
from weakseg.cuts.flows.max_flow import Forest, Potts, forest
from weakseg.cuts.flows.messages import finish, in_pairs_of_rows, sweep, sweep_eight, sweep_two, two_messages
from weakseg.cuts.flows.padded_grid import Padded, energy, pad
from weakseg.grids.neighbours import STEPS

PASSES = 10
"""Passes of messages before the first cut, each there and back."""


class Cut(NamedTuple):
    """A labelling, its energies move by move, and its bound."""

    labels: Int32[np.ndarray, "H W"]
    energies: Float[np.ndarray, " moves"]
    bound: float
    """Lower bound on the energy of any labelling."""
    converged: bool
    """True where no expansion of any single label lowers the energy."""
    windows: int = 0
    """Number of windows of a very large image; 0 where it was solved as a whole."""


class Run(NamedTuple):
    """Working arrays of a minimisation, and their scale."""

    problem: Padded
    potts: Potts
    trees: Forest
    width: int
    """Width of the padded grid."""
    base: float
    """Energy of the fixed part."""
    first: float
    """Energy of the initial labels."""
    scale: float
    """Factor from energies to integers."""


def begun(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
    begin: Int32[np.ndarray, "H W"],
    passes: int = PASSES,
) -> Run:
    """Fix pixels, pass messages and choose initial labels.

    The better of the messages' labels and `begin` is taken; arguments are those of `minimise`.
    """
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
    # `dual` reuses the memory of the float messages, which `quantize` replaces in place.
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
    """Expand each label in turn; return energy changes.

    The second value says whether no move is left that helps.
    """
    changes = np.zeros(max_sweeps * len(run.potts.heights))
    moves, left = expansions(run.problem, run.potts, run.trees, max_sweeps, changes)
    return changes[:moves], not left


def finished(run: Run) -> Int32[np.ndarray, "H W"]:
    """The current labels."""
    return inside(run.potts.labels, run.width).copy()


def inside(values: np.ndarray, width: int) -> np.ndarray:
    """View of a padded array (n,) without its border."""
    return values.reshape(-1, width)[1:-1, 1:-1]


def pass_messages(problem: Padded, duals: Float32[np.ndarray, "n D Kp"], offsets, width: int, passes: int):
    """Pass messages; write dual variables and labels."""
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
        send(unary, messages, weight, share, steps, way, *more)
    if labels == 2:
        two_messages(messages, duals)
    finish(unary, duals, weight, share, offsets, np.zeros((width + 4, labels), np.float32), problem.labels)


def best_start(problem: Padded, begin, offsets, width: int) -> float:
    """Keep the better of two labellings; return its energy."""
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
    """Number of labels that messages have room for.

    Whole vectors, except for two labels, whose message is one number.
    """
    return 2 if classes == 2 else LANES * -(-classes // LANES)
