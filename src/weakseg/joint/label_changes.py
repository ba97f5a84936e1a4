"""Local label changes that lower an energy under linear rows."""

from collections import namedtuple

from weakseg.compilation.compiled import compiled_without_arrays

Board = namedtuple("Board", "unary weight steps")
"""Potts energy: unary (K, n), weight (D, n) to the later neighbour, 0 where there is none; steps (D,) to it in
row-major order."""

Rows = namedtuple("Rows", "weights region maps dense mass bounds prices hard")
"""Linear rows: row r < F measures mass[p] * weights[r, k] * maps[region[r], p] at a cell p of label k, and row F + d
mass[p] * dense[d, k, p]. bounds, prices and hard (N,); a hard row has a price of 0."""


@compiled_without_arrays
def coefficient(r, k, p, rows):
    """Value of a row at a cell with a label."""
    factored = len(rows.weights)
    if r < factored:
        return rows.mass[p] * rows.weights[r, k] * rows.maps[rows.region[r], p]
    return rows.mass[p] * rows.dense[r - factored, k, p]


@compiled_without_arrays
def relabel(p, label, labels, measured, board, rows):
    """Relabel a cell; return changes of violation and energy.

    The violation is that of hard rows; the energy counts all else.
    """
    before = labels[p]
    labels[p] = label
    energy, missed = board.unary[label, p] - board.unary[before, p], 0.0
    for d in range(len(board.steps)):
        step = board.steps[d]
        if board.weight[d, p] > 0:
            other = labels[p + step]
            # Only edges at this cell change: a local change costs as much as the cell has neighbours and rows, not a
            # pass over the image.
            energy += board.weight[d, p] * ((other != label) - (other != before))
        if p >= step and board.weight[d, p - step] > 0:
            other = labels[p - step]
            energy += board.weight[d, p - step] * ((other != label) - (other != before))
    if rows.mass[p] == 0:
        return missed, energy
    for r in range(len(rows.bounds)):
        change = coefficient(r, label, p, rows) - coefficient(r, before, p, rows)
        if change != 0:
            lacking = max(0.0, rows.bounds[r] - measured[r])
            measured[r] += change
            more = max(0.0, rows.bounds[r] - measured[r]) - lacking
            if rows.hard[r]:
                missed += more
            else:
                energy += rows.prices[r] * more
    return missed, energy


@compiled_without_arrays
def keep_improvements(groups, labels, measured, board, rows, before, least):
    """Try groups of changes in turn; count those kept.

    A group is kept if hard rows are violated less, or equally at a lower energy.

    Args:
        groups: cells (m,), row-major, group after group; their new labels (m,); first (g + 1,), the index at which each
            group begins, and m.
        labels: (n,), changed in place, as is measured (N,).
        before: (m,), working memory for the old labels.
        least: smallest fall of the energy that counts.
    """
    cells, new, first = groups
    kept = 0
    for group in range(len(first) - 1):
        missed, energy = 0.0, 0.0
        for m in range(first[group], first[group + 1]):
            before[m] = labels[cells[m]]
            more, costs = relabel(cells[m], new[m], labels, measured, board, rows)
            missed += more
            energy += costs
        if missed < -1e-9 or (missed <= 1e-9 and energy < -least):
            kept += 1
            continue
        # Undone in reverse order, so that each cell meets the neighbours that it had.
        for m in range(first[group + 1] - 1, first[group] - 1, -1):
            relabel(cells[m], before[m], labels, measured, board, rows)
    return kept
