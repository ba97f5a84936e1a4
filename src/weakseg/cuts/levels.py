"""Coarse-to-fine Potts energies: cells of two by two pixels.

Augmenting paths grow with the side of the grid. So a large image is first solved on cells, recursively on larger cells;
then the pixels are expanded in tiles of a fixed side.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32
from scipy.ndimage import minimum_filter

from weakseg.cuts.run import Run, finished, inside
from weakseg.cuts.windows import change_in, continue_from
from weakseg.grids.neighbours import STEPS, ends

TILE = 128
"""Side of a tile, in pixels; expansion within tiles corrects errors within half of it."""
PASSES = 10
"""Passes of messages in a tile, each there and back."""


def halved(unary, weight, valid, seeds, begin):
    """The arguments of `minimise` at half the resolution.

    A cell costs the sum of its pixels, and has the label that most of them are known to have. An edge of cells stands
    for a boundary of two pixels between their centres, at the cheapest of the places where it may run.
    """
    mixed = _blocks(unary * valid).sum((2, 4))
    there = np.asarray(_blocks(valid).any((1, 3)))
    edges = np.zeros((len(weight), *there.shape), np.float32)
    for d, (down, right) in enumerate(STEPS[: len(weight)]):
        # The cheapest of parallel edges, not their mean: a thin edge of the image that runs through a cell would be
        # averaged away, and the boundary would be found elsewhere.
        near = _even(_cheapest_near(weight[d], valid, (down, right)))
        # Rows and columns at which edges cross from cell to cell; those of an upright boundary are two, and so on.
        rows = (near[1::2],) if down else (near[::2], near[1::2])
        crossing = [row[:, i] for row in rows for i in _crossing(right)]
        ends(edges[d], (down, right))[0][...] = ends(sum(crossing) * (2 / len(crossing)), (down, right))[0]
        both = np.logical_and(*ends(there, (down, right)))
        ends(edges[d], (down, right))[0][~both] = 0
    count = len(unary)
    return mixed, edges, there, _prevailing(seeds, valid, count), _prevailing(begin, valid, count)


def doubled(labels: Int32[np.ndarray, "h w"], size: tuple[int, int]) -> Int32[np.ndarray, "H W"]:
    """Cell labels on the pixel grid."""
    return labels.repeat(2, 0).repeat(2, 1)[: size[0], : size[1]]


def expand_tiles(run: Run, unary, weight, valid, max_sweeps: int) -> float:
    """Expand labels in tiles; returns the energy change.

    A second round shifts the tiles by half, so that their middles lie where four met.
    """
    labels, free = finished(run), inside(run.problem.free, run.width)
    gains = [
        change_in(tile, labels, labels, (unary, weight, valid), free, max_sweeps, PASSES)
        for shift in (0, TILE // 2)
        for tile in tiles(labels.shape, shift)
    ]
    continue_from(run, labels, free)
    return sum(gains, 0.0)


def tiles(size: tuple[int, int], shift: int) -> Iterator[tuple[slice, slice]]:
    """Tiles of `TILE` pixels a side with a fixed rim."""
    for i in range(-shift, size[0], TILE):
        for j in range(-shift, size[1], TILE):
            yield slice(max(i - 1, 0), i + TILE + 1), slice(max(j - 1, 0), j + TILE + 1)


def _crossing(right: int) -> tuple[slice, ...]:
    return {0: (slice(0, None, 2), slice(1, None, 2)), 1: (slice(1, None, 2),), -1: (slice(0, None, 2),)}[right]


def _cheapest_near(weight, valid, step):
    """Smallest weight among parallel edges; 0 without an edge.

    Those beside an edge cross the same boundary.
    """
    edge = np.zeros(valid.shape, bool)
    ends(edge, step)[0][...] = np.logical_and(*ends(valid, step))
    around = tuple(3 if length else 1 for length in step)
    lowest = minimum_filter(np.where(edge, weight, np.inf), around, mode="constant", cval=np.inf)
    return np.where(edge, lowest, 0).astype(np.float32)


def _even(values):
    """Pad odd numbers of rows and columns by one."""
    return np.pad(values, [(0, 0)] * (values.ndim - 2) + [(0, length % 2) for length in values.shape[-2:]])


def _blocks(values):
    """View of (..., H, W) as (..., h, 2, w, 2)."""
    even = _even(values)
    height, width = even.shape[-2:]
    return even.reshape(*even.shape[:-2], height // 2, 2, width // 2, 2)


def _prevailing(labels, valid, count):
    """Most frequent label of each cell, -1 without any."""
    of_cell = _blocks(np.where(valid, labels, -1) + 1)
    votes = np.stack([(of_cell == k + 1).sum((1, 3)) for k in range(count)])
    return np.where(votes.any(0), votes.argmax(0), -1).astype(np.int32)
