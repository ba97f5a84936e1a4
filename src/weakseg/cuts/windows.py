"""Second optimisation of windows with the largest gaps.

Expansions get stuck where two labels would have to change at once. These are a few small places, each with a large gap;
solved again by themselves, with the labels around them fixed, they can afford many messages.
"""

from collections.abc import Iterator

import numpy as np

from weakseg.cuts.flows.expansion_moves import assign, block_gaps
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.run import Run, begun, finished, improved, inside
from weakseg.grids.neighbours import STEPS, ends

SIDE, AROUND = 16, 8
"""Side of the blocks whose gaps are compared, and margin of a window around its block, in pixels."""
SHARE = 0.02
"""Fraction of the blocks that are solved again."""
PASSES = 30
"""Passes of messages in a window, each there and back."""


def refine_windows(run: Run, unary, weight, valid, max_sweeps: int) -> float:
    """Solve windows again; return the energy change."""
    labels, free = finished(run), inside(run.problem.free, run.width)
    unknown = np.full_like(labels, -1)
    around = windows(run, labels.shape)
    gains = [change_in(one, labels, unknown, (unary, weight, valid), free, max_sweeps, PASSES) for one in around]
    continue_from(run, labels, free)
    return sum(gains, 0.0)


def continue_from(run: Run, labels, free) -> None:
    """Continue from other labels of the free pixels."""
    padded = run.potts.labels.copy()
    np.copyto(inside(padded, run.width), labels, where=free)
    assign(padded, np.flatnonzero(padded != run.potts.labels), run.potts, run.trees.offsets)


def change_in(window, labels, begin, costs, free, max_sweeps: int, passes: int) -> float:
    """Solve a window again; return the energy change.

    Labels around it stay fixed, and what is better is written.
    """
    unary, weight, valid = costs
    here, edges = labels[window], np.zeros_like(weight[:, *window])
    for d, step in enumerate(STEPS[: len(weight)]):
        ends(edges[d], step)[0][...] = ends(weight[d][window], step)[0]
    problem = np.ascontiguousarray(unary[:, *window]), edges, np.ascontiguousarray(valid[window])
    # Fixed pixels are seeds, so the edges to them are paid as they would be in the image.
    seeds = np.where(open_part(window, free), -1, here).astype(np.int32)
    again = solved(*problem, seeds, np.ascontiguousarray(begin[window]), max_sweeps, passes)
    # In float64 from the given costs. Edges that leave the window do not change, because its rim is fixed.
    gain = labelling_energy(*problem, again) - labelling_energy(*problem, here)
    if gain >= 0:
        return 0.0
    here[...] = again
    return gain


def windows(run: Run, size: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Windows around the blocks with the largest gaps."""
    gaps = np.zeros([-(-length // SIDE) for length in size], np.int64)
    block_gaps(run.potts, run.width, SIDE, gaps)
    around = lambda n: slice(max(SIDE * n - AROUND, 0), SIDE * (n + 1) + AROUND)  # noqa: E731
    for block in np.argsort(-gaps, axis=None)[: max(round(SHARE * gaps.size), 1)].tolist():
        if gaps.flat[block] > 0:
            i, j = divmod(block, gaps.shape[1])
            yield around(i), around(j)


def open_part(window: tuple[slice, slice], free: np.ndarray) -> np.ndarray:
    """Free pixels of a window, without its inner rim.

    The image continues behind the rim.
    """
    kept = free[window].copy()
    (top, left), (bottom, right) = ((side.start for side in window), (side.stop for side in window))
    kept[: top > 0], kept[:, : left > 0] = False, False
    if bottom < free.shape[0]:
        kept[-1] = False
    if right < free.shape[1]:
        kept[:, -1] = False
    return kept


def solved(unary, weight, valid, seeds, begin, max_sweeps: int, passes: int) -> np.ndarray:
    """Labels of a window solved by itself."""
    run = begun(unary, weight, valid, seeds, begin, passes)
    improved(run, max_sweeps)
    return finished(run)
