"""One image of any size: colours are learnt on a small copy, pixels are cut once, in windows.

Whatever is computed for each pixel is computed in strips of rows, by several threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from threading import Lock

import numpy as np
from jaxtyping import Float, Float32, Int

from weakseg.appearance.color import perceived
from weakseg.appearance.mixture import Mixture, scores_in
from weakseg.appearance.scribble_scores import evenly, scores_at
from weakseg.cuts.cut_problem import CutProblem, in_pixels
from weakseg.cuts.pyramid import solved
from weakseg.cuts.run import Cut
from weakseg.energies.contrast import ColorContrast
from weakseg.energies.grid_potts import GridPotts
from weakseg.grids.neighbours import STEPS, ends
from weakseg.grids.working_grid import grid_of
from weakseg.one_image.rounds import MAX_SWEEPS, MISLED, SCORE_WEIGHT, rounds
from weakseg.types import UNLABELED

LEARNT_ON = 1 << 17
"""Largest number of cells of the small copy."""
STRIP = 1 << 17
"""Number of pixels of a strip."""
SCORED = 30
"""Percent of the time that scores take."""

Seeds = Int[np.ndarray, "H W"]


def cut_large(
    image: Float[np.ndarray, "M H W"], seeds: Seeds, labels: int, progress: Callable[[int, int], None]
) -> Cut:
    """The cut of a large image; `progress` is told hundredths."""
    progress(0, 100)
    grid = grid_of((seeds.shape[0], seeds.shape[1]), ceil((seeds.size / LEARNT_ON) ** 0.5))
    small = cell_means(image, grid).clip(0, 1)
    found = rounds(small, in_cells(seeds, grid, labels), labels, lambda done, total: None)
    unary = scores(image, seeds, found.models, labels, progress)
    begin = in_pixels(found.cut.labels, (seeds.shape[0], seeds.shape[1]))
    problem = CutProblem(unary, edges(image), np.ones(seeds.shape, bool), seeds.astype(np.int32), begin)
    told = lambda done, total: progress(SCORED + (100 - SCORED) * done // total, 100)  # noqa: E731
    return solved(problem, MAX_SWEEPS, told)


def cell_means(image: Float[np.ndarray, "M H W"], grid: tuple[int, int]) -> Float32[np.ndarray, "M h w"]:
    """Mean colour of each cell."""
    sums, count = image, np.ones((1, 1))
    for axis, cells in ((2, grid[1]), (1, grid[0])):
        first = -(-np.arange(cells) * image.shape[axis] // cells)
        sums = np.add.reduceat(sums, first, axis=axis)
        pixels = np.diff(first, append=image.shape[axis])
        count = count * (pixels[:, None] if axis == 1 else pixels)
    return (sums / count).astype(np.float32)


def in_cells(seeds: Seeds, grid: tuple[int, int], labels: int) -> Int[np.ndarray, "h w"]:
    """The label that most of a cell's scribbles have; every label keeps a cell."""
    rows, columns = np.nonzero(seeds != UNLABELED)
    drawn = seeds[rows, columns]
    cells = (rows * grid[0] // seeds.shape[0]) * grid[1] + columns * grid[1] // seeds.shape[1]
    votes = np.bincount(drawn * (grid[0] * grid[1]) + cells, minlength=labels * grid[0] * grid[1])
    votes = votes.reshape(labels, *grid)
    found = np.where(votes.any(0), votes.argmax(0), UNLABELED)
    flat, counts = found.ravel(), np.bincount(found[found != UNLABELED], minlength=labels)
    for label in np.flatnonzero(counts == 0):
        # The nearest cell that is free, or whose label has others: two clicks may lie in one cell.
        able = np.flatnonzero((flat == UNLABELED) | (counts[flat.clip(0)] > 1))
        home = cells[drawn == label][0]
        down, right = (np.abs(a - b) for a, b in zip(np.divmod(able, grid[1]), divmod(home, grid[1]), strict=True))
        at = able[(down + right).argmin()]
        counts[flat[at]] -= flat[at] != UNLABELED
        flat[at], counts[label] = label, 1
    return found


def scores(
    image: Float[np.ndarray, "M H W"],
    seeds: Seeds,
    models: list[Mixture],
    labels: int,
    progress: Callable[[int, int], None],
) -> Float32[np.ndarray, "K H W"]:
    """Unaries of equation `one-image`, times the root of the pixels."""
    longer, weight, finished = max(seeds.shape), SCORE_WEIGHT / seeds.size**0.5, 0
    drawn, lock = [], Lock()
    for label in range(labels):
        at = np.unravel_index(evenly(np.flatnonzero(seeds == label)), seeds.shape)
        drawn.append((perceived(image[:, at[0], at[1]][:, None]), np.stack(at, 1) / longer))
    unary = np.empty((labels, *seeds.shape), np.float32)

    def strip(rows: slice) -> None:
        nonlocal finished
        colors, size = perceived(image[:, rows]), (rows.stop - rows.start, seeds.shape[1])
        places = np.indices(size).reshape(2, -1).T + (rows.start, 0)
        found = scores_at(colors, places / longer, drawn).reshape(labels, *size)
        if models:
            found += scores_in(models, colors, size)
        sure = np.exp(found - found.max(0))
        unary[:, rows] = np.log((1 - MISLED) * sure / sure.sum(0) + MISLED / labels) * -weight
        with lock:
            finished += size[0]
            progress(SCORED * finished // seeds.shape[0], 100)

    in_threads(strip, seeds.shape)
    return unary


def edges(image: Float[np.ndarray, "M H W"]) -> Float32[np.ndarray, "D H W"]:
    """Costs of `GridPotts`, strip by strip, with the whole image's contrast."""
    size = image.shape[1:]

    def differences(rows: slice) -> tuple[float, int]:
        total, pairs = 0.0, 0
        for down, right in STEPS:
            near, far = ends(image[:, rows.start : rows.stop + down], (down, right))
            total, pairs = total + float(np.square(near - far).sum(dtype=np.float64)), pairs + near[0].size
        return total, pairs

    total, pairs = (sum(each) for each in zip(*in_threads(differences, size), strict=True))
    alike = GridPotts(contrast=ColorContrast(max(total / max(pairs, 1), 1e-30)))
    weight = np.zeros((len(STEPS), *size), np.float32)

    def strip(rows: slice) -> None:
        near = np.ascontiguousarray(image[:, rows.start : rows.stop + 1], np.float32)
        weight[:, rows] = alike.edge_costs(near, np.ones(near.shape[1:], bool))[:, : rows.stop - rows.start]

    in_threads(strip, size)
    return weight


def in_threads(work: Callable[[slice], object], size: tuple[int, ...]) -> list:
    """Results of strips of rows, in their order."""
    rows = max(STRIP // size[1], 1)
    strips = [slice(first, min(first + rows, size[0])) for first in range(0, size[0], rows)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(work, strips))
