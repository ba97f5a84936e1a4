"""From the whole image to its pixels: very large images in time and memory that grow with the pixels.

Grids of cells, each of half the resolution, down to one that is solved as a whole; then back, in windows.
"""

import os
from collections.abc import Callable
from threading import Lock

import numpy as np
from jaxtyping import Float, Int32

from weakseg.cuts.cut_problem import CutProblem
from weakseg.cuts.in_windows import SIDE, Costs, keep_duals, solve_in_windows
from weakseg.cuts.labelling_energy import cheapest, labelling_energy
from weakseg.cuts.levels import doubled, halved
from weakseg.cuts.minimise import bytes_with_reuse, labelled, minimise
from weakseg.cuts.minimise import memory_needed as memory_of_whole
from weakseg.cuts.raised_bound import raised
from weakseg.cuts.run import Cut

WHOLE = 1 << 18
"""Number of pixels up to which an image is solved as a whole, whatever that takes."""


def solved(problem: CutProblem, max_sweeps: int, done: Callable[[int, int], None] = lambda done, total: None) -> Cut:
    """The cut of an image of any size; `done` is called with finished pixels and all of them."""
    if problem.valid.size <= WHOLE or len(problem.unary) == 1:
        return minimise(*problem, max_sweeps)
    levels = [problem]
    while levels[-1].valid.size > WHOLE:
        levels.append(CutProblem(*halved(*levels[-1])))
    base = levels.pop()
    labels, coarse = labelled(*base, max_sweeps).labels, duals_of(base)
    total, finished, bound, windows, first = sum(level.valid.size for level in levels), 0, -np.inf, 0, 0.0
    lock = Lock()

    def report(pixels: int) -> None:
        nonlocal finished
        # Threads report too.
        with lock:
            finished += pixels
            done(finished, total)

    done(0, total)
    while levels:
        level = levels.pop()
        labels = begun_from(labels, level)
        costs = Costs(*level[:4])
        duals = np.zeros((*labels.shape, len(costs.weight), len(costs.unary)), np.float16) if levels else None
        first = labelling_energy(*costs[:3], labels)
        bound, windows = solve_in_windows(costs, labels, coarse, duals, max_sweeps, report)
        coarse = coarse if duals is None else duals
    energy = labelling_energy(*problem[:3], labels)
    bound = max(bound, cheapest(problem.unary, problem.valid, problem.seeds))
    return Cut(labels, np.array([max(first, energy), energy]), min(bound, energy), False, windows)


def duals_of(base: CutProblem) -> Float[np.ndarray, "h w D K"]:
    """Dual variables of the coarsest grid."""
    run = raised(*base[:4])
    none = np.zeros((*base.valid.shape, len(base.weight), len(base.unary)), np.float32)
    out = none.astype(np.float16)
    keep_duals(run, none, out)
    return out


def begun_from(cells: Int32[np.ndarray, "h w"], level: CutProblem) -> Int32[np.ndarray, "H W"]:
    """Labels to begin with: those of cells or the given ones, whichever cost less; seeds keep theirs."""
    free = level.valid & (level.seeds < 0)
    found = np.where(free, doubled(cells, level.valid.shape), np.maximum(level.seeds, 0)).astype(np.int32)
    if not (level.begin >= 0).any():
        return found
    given = np.where(free & (level.begin >= 0), level.begin, found).astype(np.int32)
    return min(found, given, key=lambda labels: labelling_energy(*level[:3], labels))


def memory_needed(size: tuple[int, int], classes: int, half: int) -> int:
    """Working memory beyond the inputs, in bytes."""
    pixels = size[0] * size[1]
    if pixels <= WHOLE or classes == 1:
        return memory_of_whole(size, classes, half)
    # Coarser grids are a third of the image; their dual variables are in half precision.
    coarser = pixels * (4 * (classes + half) + 10 + 2 * half * classes) // 3
    window = bytes_with_reuse((2 * SIDE, 2 * SIDE), classes, half)
    return coarser + 16 * pixels + (os.cpu_count() or 1) * window
