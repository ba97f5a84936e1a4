"""Very large images, solved in windows by several threads, with one bound for the whole.

Dual decomposition: every edge between two windows gets dual variables, the same for both, so windows are independent
problems and their bounds add up. Which ones, is read off a coarser grid. Labels are found window by window, from those
of the coarser grid and with all around it fixed; each window starts with the flows that its bound took.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

from weakseg.cuts.flows.expansion_moves import assign, lower_bound
from weakseg.cuts.flows.max_flow import BUDGET, FAR
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.raised_bound import raise_labels
from weakseg.cuts.run import Run, begun, finished, improved, inside
from weakseg.cuts.window_border import border_terms
from weakseg.grids.neighbours import STEPS, ends

SIDE = 256
"""Side of a window, in pixels."""
PASSES = 10
"""Passes of messages in a window, each there and back."""
STEPS_A_PIXEL = 300
"""Flow steps per pixel for the bound of a window, and again for its labels."""
LARGEST_DUAL = 6e4
"""What half precision holds; any dual variables give a bound."""


class Costs(NamedTuple):
    """A Potts energy, as `minimise` takes it."""

    unary: Float32[np.ndarray, "K H W"]
    weight: Float32[np.ndarray, "D H W"]
    valid: Bool[np.ndarray, "H W"]
    seeds: Int32[np.ndarray, "H W"]


def solve_in_windows(
    costs: Costs,
    labels: Int32[np.ndarray, "H W"],
    coarse: Float[np.ndarray, "h w D K"],
    duals: Float[np.ndarray, "H W D K"] | None,
    max_sweeps: int,
    done: Callable[[int], None],
) -> tuple[float, int]:
    """Lower the energy of labels in place; return a bound on that of any labelling, and the number of windows.

    Args:
        costs: of the image.
        labels: a labelling to begin with, that seeds have.
        coarse: dual variables on cells of two by two pixels.
        duals: written to, where a finer grid needs them.
        max_sweeps: how often each label may be expanded in a window.
        done: called with a number of finished pixels.
    """

    def solve(window: tuple[slice, slice]) -> float:
        bound = solve_window(costs, labels, coarse, window, max_sweeps, duals)
        done(labels[window].size)
        return bound

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        # No two windows of one group touch, so the order within a group does not matter.
        bounds = [bound for group in groups(labels.shape) for bound in threads.map(solve, group)]
    return sum(bounds), len(bounds)


def groups(size: tuple[int, ...]) -> Iterator[list[tuple[slice, slice]]]:
    """Windows that cover an image, in four groups of which none has two neighbours."""
    rows, columns = (parts(length) for length in size)
    for odd_row in (0, 1):
        for odd_column in (0, 1):
            yield [(i, j) for i in rows[odd_row::2] for j in columns[odd_column::2]]


def parts(length: int) -> list[slice]:
    """Parts of about `SIDE` pixels, of which none is much smaller."""
    ends = np.linspace(0, length, max(round(length / SIDE), 1) + 1).astype(int).tolist()
    return [slice(*pair) for pair in pairwise(ends)]


def solve_window(costs: Costs, labels, coarse, window: tuple[slice, slice], max_sweeps: int, duals) -> float:
    """Solve one window; return its part of the bound."""
    unary, here = np.ascontiguousarray(costs.unary[:, *window]), labels[window]
    valid, seeds = (np.ascontiguousarray(each[window]) for each in (costs.valid, costs.seeds))
    weight = np.zeros_like(costs.weight[:, *window])
    for d, step in enumerate(STEPS[: len(weight)]):
        ends(weight[d], step)[0][...] = ends(costs.weight[d][window], step)[0]
    added = np.zeros_like(unary), np.zeros_like(unary), np.zeros((*here.shape, 2 * len(weight), len(unary)), np.float32)
    near = tuple(slice(max(side.start // 2 - 2, 0), side.stop // 2 + 3) for side in window)
    corners = np.array([[side.start for side in part] for part in (window, near)])
    steps, cells = np.array(STEPS[: len(weight)]), coarse[near].astype(np.float32)
    border_terms(costs.weight, labels, cells, steps, corners, added)
    suggested, paid, crossing = added
    run = begun(unary + suggested, weight, valid, seeds, np.ascontiguousarray(here), PASSES)
    run.trees.count[BUDGET] = STEPS_A_PIXEL * here.size
    raise_labels(run)
    bound = float(run.base + lower_bound(run.potts) / run.scale)
    if duals is not None:
        keep_duals(run, crossing[:, :, : len(weight)], duals[window])
    fix_outside(run, paid - suggested, here)
    run.trees.count[BUDGET] = STEPS_A_PIXEL * here.size
    improved(run, max_sweeps)
    alone = (unary + paid, weight, valid)
    again = finished(run)
    if labelling_energy(*alone, again) < labelling_energy(*alone, here):
        here[...] = again
    return bound


def keep_duals(run: Run, crossing: Float32[np.ndarray, "r c D K"], out: Float[np.ndarray, "r c D K"]) -> None:
    """Write the dual variables of a window's edges, and of those that leave it."""
    rows, columns, _, classes = out.shape
    dual = run.potts.dual.reshape(rows + 2, columns + 2, -1, run.potts.dual.shape[2])
    inner = dual[1:-1, 1:-1, :, :classes] * np.float32(1 / run.scale)
    out[...] = (inner + crossing).clip(-LARGEST_DUAL, LARGEST_DUAL)


def fix_outside(run: Run, change: Float32[np.ndarray, "K r c"], labels: Int32[np.ndarray, "r c"]) -> None:
    """Exchange what free pixels at the border pay, and continue from given labels."""
    classes, rows, columns = change.shape
    free = inside(run.problem.free, run.width)
    change = np.where(free, change, 0)
    whole = (change * run.scale).clip(-FAR, FAR).astype(np.int32)
    run.potts.heights.reshape(classes, rows + 2, columns + 2)[:, 1:-1, 1:-1] += whole
    unary = run.problem.unary.reshape(rows + 2, columns + 2, -1)
    unary[1:-1, 1:-1, :classes] += change.transpose(1, 2, 0)
    padded = run.potts.labels.copy()
    np.copyto(inside(padded, run.width), labels, where=free)
    assign(padded, np.arange(run.width, len(padded) - run.width), run.potts, run.trees.offsets)
