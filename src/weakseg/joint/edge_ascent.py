r"""Compiled ascent of the joint dual by edges, equation `joint-dual`.

docs/theory.md derives it. Sweeps over all edges have momentum.

Where the log-partition z_i of each cell is held, the dual falls apart into classes, and the best multiplier of one
edge is known: it makes the logarithms of both ends equal, or as nearly equal as its bounds allow,

.. math:: u_{ij} \leftarrow \Pi_{[-\omega/2, \omega/2]}\Big(u_{ij} + \frac{t_i - t_j}{1/m_i + 1/m_j}\Big), \quad
          t_i = s_i - z_i,

since the sum of m exp(t) is least where exp(t_i) = exp(t_j). It lies above the log-sum-exp and touches it, so no such
step lowers the dual. Edges of one direction that share no cell take their steps side by side.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.compilation.cache import cached
from weakseg.compilation.exponential import exponential

BLOCK = 128
# Sums may be reordered and nothing is infinite: what is not allowed has a low logarithm.
FINITE = {"contract", "reassoc", "nnan", "nsz", "arcp"}


@partial(cached, error_model="numpy", fastmath={"contract"})
@no_type_check
def climb(scores, swept, inverse, half, steps, first, count):
    """Sweep `count` times over all edges.

    Args:
        scores: (C, h, w), logarithms before edges; finite, very low where a class is not allowed.
        swept: edges (D, C, h, w), the multipliers, each at the cell where its edge begins; before (D, C, h, w), those
            of the sweep before; mean (C, h, w), mean distribution of the sweeps, weighted by their number cubed. All
            are written.
        inverse: (h, w), 1 / mass; next to 0 where nothing can change.
        half: (D, h, w), half the weight of each edge.
        steps: (D, 2), rows and columns to the other end.
        first: number of the first sweep since momentum began; 1 or more.
        count: how many.
    """
    edges, before, mean = swept
    logs, last = _tilted(scores, edges, inverse, steps), _tilted(scores, before, inverse, steps)
    classes, height, width = scores.shape
    flat = (classes, height * width)
    # Nesterov's momentum; the mean over sweeps estimates the primal solution.
    for sweep in range(first, first + count):
        momentum = (sweep - 1.0) / (sweep + 2.0)
        _normalise(logs.reshape(flat), last.reshape(flat), mean.reshape(flat), momentum, 4.0 / (sweep + 3.0))
        for k in range(classes):
            for d in range(len(steps)):
                down, right = steps[d, 0], steps[d, 1]
                if down == 0:
                    for row in range(height):
                        _along(logs[k, row], inverse[row], edges[d, k, row], before[d, k, row], half[d, row], momentum)
                    continue
                near, far, length = max(0, -right), max(0, right), width - abs(right)
                for odd in range(2):
                    for row in range(height - down):
                        if (row // down) % 2 != odd:
                            continue
                        other = row + down
                        _across(
                            logs[k, row, near : near + length],
                            logs[k, other, far : far + length],
                            inverse[row, near : near + length],
                            inverse[other, far : far + length],
                            edges[d, k, row, near : near + length],
                            before[d, k, row, near : near + length],
                            half[d, row, near : near + length],
                            momentum,
                        )


@partial(cached, error_model="numpy", fastmath=FINITE)
@no_type_check
def _across(one, other, inverse_one, inverse_other, edge, before, half, momentum):
    """Update the edges between two rows.

    No two of them share a cell.
    """
    for i in range(len(half)):
        was = edge[i]
        old = was + momentum * (was - before[i])
        new = old + (one[i] - other[i]) / (inverse_one[i] + inverse_other[i])
        new = min(max(new, -half[i]), half[i])
        before[i] = was
        edge[i] = new
        one[i] -= (new - old) * inverse_one[i]
        other[i] += (new - old) * inverse_other[i]


@partial(cached, error_model="numpy", fastmath=FINITE)
@no_type_check
def _along(logs, inverse, edge, before, half, momentum):
    """Update the edges within a row.

    Edges that begin at even columns come first, then the others.
    """
    for odd in range(2):
        for i in range(odd, len(logs) - 1, 2):
            was = edge[i]
            old = was + momentum * (was - before[i])
            new = old + (logs[i] - logs[i + 1]) / (inverse[i] + inverse[i + 1])
            new = min(max(new, -half[i]), half[i])
            before[i] = was
            edge[i] = new
            logs[i] -= (new - old) * inverse[i]
            logs[i + 1] += (new - old) * inverse[i + 1]


@partial(cached, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def _normalise(logs, last, mean, momentum, share):
    """Apply momentum, then subtract the log-partition.

    Both arrays are moved, so that their difference stays.
    """
    classes, cells = logs.shape
    top, total = np.empty(BLOCK), np.empty(BLOCK)
    probs = np.empty((classes, BLOCK))
    for start in range(0, cells, BLOCK):
        count = min(BLOCK, cells - start)
        for i in range(count):
            top[i] = -np.inf
            total[i] = 0.0
        for k in range(classes):
            for i in range(count):
                was = logs[k, start + i]
                new = was + momentum * (was - last[k, start + i])
                last[k, start + i] = was
                logs[k, start + i] = new
                top[i] = new if new > top[i] else top[i]
        for k in range(classes):
            for i in range(count):
                e = exponential(logs[k, start + i] - top[i])
                probs[k, i] = e
                total[i] += e
        for i in range(count):
            top[i] += np.log(total[i])
            total[i] = 1.0 / total[i]
        for k in range(classes):
            for i in range(count):
                logs[k, start + i] -= top[i]
                last[k, start + i] -= top[i]
                mean[k, start + i] += share * (probs[k, i] * total[i] - mean[k, start + i])


@partial(cached, error_model="numpy")
@no_type_check
def _tilted(scores, edges, inverse, steps):
    """Scores with the edge multipliers.

    An edge lowers the cell it leaves and raises the cell it enters.
    """
    logs = scores.copy()
    classes, height, width = scores.shape
    for k in range(classes):
        for d in range(len(steps)):
            down, right = steps[d, 0], steps[d, 1]
            for row in range(height - down):
                for column in range(max(0, -right), width - max(0, right)):
                    edge = edges[d, k, row, column]
                    logs[k, row, column] -= edge * inverse[row, column]
                    logs[k, row + down, column + right] += edge * inverse[row + down, column + right]
    return logs
