"""Local search that brings a labelling nearer to its rows.

It changes single cells, a few together, and whole regions.
"""

from itertools import combinations

import numpy as np
from jaxtyping import Float, Int32
from scipy.ndimage import label as connected

from weakseg.grids.neighbours import STEPS, ends
from weakseg.joint.cut_under_rows import CutUnderRows, Labelling
from weakseg.joint.label_changes import Board, Rows, keep_improvements

SINGLE, PAIRS, TRIPLES = 4096, 48, 16
"""Numbers of changes tried by themselves, in pairs and in triples, cheapest first under the multipliers."""

ROUNDS = 50


def repaired(
    problem: CutUnderRows, start: Labelling, others: list[Labelling], multipliers: Float[np.ndarray, " N"]
) -> Labelling:
    """A labelling no worse than the start.

    It takes parts of other labellings where they help, then changes a few cells.

    The multipliers give the cost of a change where rows hold exactly, so the cheapest changes are tried.
    """
    board, rows = _arrays(problem)
    labels, tilted = start.labels.copy(), problem.tilted(multipliers)
    # Regions in which another labelling differs, each by itself: where two cuts lie on either side of a bound, the best
    # is often a mixture of them.
    for other in others:
        _keep(_regions(labels, other.labels), labels, problem, board, rows)
    for _ in range(ROUNDS):
        changes = _cheapest(problem, tilted, labels)
        if _keep(_groups(changes, 1), labels, problem, board, rows):
            continue
        # Pairs and triples only when no single change helps: exchanging a cell for another keeps a count that each
        # alone would violate.
        few = sum(
            _keep(_groups(changes[:, :n], k), labels, problem, board, rows) for k, n in ((2, PAIRS), (3, TRIPLES))
        )
        if not few:
            break
    found = problem.evaluated(labels)
    return found if found.better(start) else start


def _keep(groups, labels, problem: CutUnderRows, board: Board, rows: Rows) -> int:
    """Keep the groups that help; return their number."""
    measured, flat = problem.evaluated(labels).measured, labels.reshape(-1)
    least = 1e-9 * max(1.0, float(np.abs(board.unary).max()))
    return keep_improvements(groups, flat, measured, board, rows, np.empty_like(groups[1]), least)


def _regions(labels: Int32[np.ndarray, "h w"], other: Int32[np.ndarray, "h w"]):
    """Connected regions in which two labellings differ, as groups."""
    parts = np.empty(labels.shape, np.int32)
    count = int(connected(labels != other, np.ones((3, 3)), output=parts))  # pyright: ignore
    order = np.argsort(parts, axis=None, kind="stable")
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    cells = order[sizes[0] :]
    first = np.concatenate([[0], np.cumsum(sizes[1:])])
    return cells, other.reshape(-1)[cells].astype(np.int32), first


def _groups(changes, size: int):
    """All subsets of some changes, of a given size."""
    together = np.array(list(combinations(range(changes.shape[1]), size)), int).reshape(-1)
    first = np.arange(0, len(together) + 1, size)
    return changes[0, together], changes[1, together].astype(np.int32), first


def _cheapest(problem: CutUnderRows, tilted, labels: Int32[np.ndarray, "h w"]) -> np.ndarray:
    """Cells and labels (2, m) of the cheapest single changes."""
    costs = tilted.astype(np.float64)
    for d, step in enumerate(STEPS[: len(problem.cut.weight)]):
        (near, far), weight = ends(labels, step), ends(problem.cut.weight[d], step)[0]
        for k, cost in enumerate(costs):
            ends(cost, step)[0][...] -= weight * (far == k)
            ends(cost, step)[1][...] -= weight * (near == k)
    costs -= np.take_along_axis(costs, labels[None], 0)
    own = np.arange(len(costs))[:, None, None] == labels
    costs[own | problem.deleted] = np.inf
    # Seeds and void cells never change.
    costs[:, ~problem.cut.valid | (problem.cut.seeds >= 0)] = np.inf
    flat = costs.ravel()
    some = np.argpartition(flat, SINGLE)[:SINGLE] if flat.size > SINGLE else np.arange(flat.size)
    some = some[np.isfinite(flat[some])]
    # Ties by index: `argpartition` alone leaves their order to chance, and results would differ from machine to
    # machine.
    some = some[np.lexsort((some, flat[some]))]
    return np.stack([some % labels.size, some // labels.size])


def _arrays(problem: CutUnderRows) -> tuple[Board, Rows]:
    """The problem as plain arrays for compiled loops."""
    dual, cut = problem.rows, problem.cut
    (classes, _, width), cells = cut.unary.shape, cut.valid.size
    hard = np.isinf(problem.prices)
    maps, region = dual.maps, dual.region
    rows = Rows(
        weights=dual.weights[0].numpy(),
        region=np.zeros(dual.weights.shape[1], np.int64) if region is None else region[0].numpy(),
        maps=np.ones((1, cells)) if maps is None else maps[0].numpy(),
        dense=np.zeros((0, classes, cells)) if dual.dense is None else dual.dense[0].numpy(),
        mass=dual.mass[0].numpy(),
        bounds=problem.bounds,
        prices=np.where(hard, 0.0, problem.prices) / problem.root,
        hard=hard,
    )
    steps = np.array([down * width + right for down, right in STEPS[: len(cut.weight)]])
    board = Board(cut.unary.reshape(classes, -1), cut.weight.reshape(len(steps), -1), steps)
    return board, Rows(*(np.ascontiguousarray(part) for part in rows))
