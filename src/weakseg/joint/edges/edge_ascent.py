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
from weakseg.compilation.exponential import exponential_of, logarithm_of
from weakseg.joint.edges.edge_costs import entering

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
    logs, last = np.empty_like(scores), np.empty_like(scores)
    entering(edges, steps, logs)
    entering(before, steps, last)
    logs[:], last[:] = scores + inverse * logs, scores + inverse * last
    precision = scores.dtype.type
    classes, height, width = scores.shape
    flat, moved = (classes, height * width), np.empty(width, scores.dtype)
    # Nesterov's momentum; the mean over sweeps estimates the primal solution.
    for sweep in range(first, first + count):
        # In the arrays' own precision: a number of another one would be computed with in the wider of both.
        # With share = 4 / (t + 3) the mean weighs sweep t by about t cubed: early sweeps, far from the end, are soon
        # forgotten.
        momentum, share = precision((sweep - 1.0) / (sweep + 2.0)), precision(4.0 / (sweep + 3.0))
        # Before the edges: the bound that their steps maximise touches the dual only where logarithms are normalised.
        _normalise(logs.reshape(flat), last.reshape(flat), mean.reshape(flat), momentum, share)
        for k in range(classes):
            for d in range(len(steps)):
                plane = logs[k], inverse, edges[d, k], before[d, k], half[d]
                if steps[d, 0] == 0:
                    _along(plane, momentum, moved)
                    continue
                # Two colours: edges of one colour share no cell, so the order among them is without effect and the loop
                # may be vectorised.
                for odd in range(2):
                    # Steps of one row have a loop of their own, which is twice as quick.
                    if steps[d, 0] == 1:
                        _across(plane, odd, steps[d, 1], momentum)
                    else:
                        _between(plane, odd, steps[d], momentum)


@partial(cached, error_model="numpy", fastmath=FINITE, _nrt=False)
@no_type_check
def _across(plane, odd, right, momentum):
    """Update the edges from every second row to the next, beginning with row `odd`; no two of them share a cell."""
    logs, inverse, edges, before, half = plane
    height, width = logs.shape
    near, far, length = max(0, -right), max(0, right), width - abs(right)
    for row in range(odd, height - 1, 2):
        one, other = logs[row, near : near + length], logs[row + 1, far : far + length]
        inverse_one, inverse_other = inverse[row, near : near + length], inverse[row + 1, far : far + length]
        edge, was_before = edges[row, near : near + length], before[row, near : near + length]
        most = half[row, near : near + length]
        for i in range(length):
            was = edge[i]
            # The extrapolated multiplier may lie outside its bounds and is used as it is; only what is stored is
            # clipped.
            old = was + momentum * (was - was_before[i])
            new = old + (one[i] - other[i]) / (inverse_one[i] + inverse_other[i])
            # The projection of equation `joint-dual`: |u| is at most half the edge's weight for each class.
            new = min(max(new, -most[i]), most[i])
            was_before[i] = was
            edge[i] = new
            one[i] -= (new - old) * inverse_one[i]
            other[i] += (new - old) * inverse_other[i]


@partial(cached, error_model="numpy", fastmath=FINITE, _nrt=False)
@no_type_check
def _between(plane, odd, step, momentum):
    """Update the edges from every second block of rows to the next; `odd` is 0 or 1.

    A block has as many rows as the step goes down, so that no two of these edges share a cell.
    """
    logs, inverse, edges, before, half = plane
    height, width = logs.shape
    down, right = step[0], step[1]
    near, far, length = max(0, -right), max(0, right), width - abs(right)
    for row in range(height - down):
        if row // down % 2 != odd:
            continue
        one, other = logs[row, near : near + length], logs[row + down, far : far + length]
        inverse_one, inverse_other = inverse[row, near : near + length], inverse[row + down, far : far + length]
        edge, was_before = edges[row, near : near + length], before[row, near : near + length]
        most = half[row, near : near + length]
        for i in range(length):
            was = edge[i]
            # The extrapolated multiplier may lie outside its bounds and is used as it is; only what is stored is
            # clipped.
            old = was + momentum * (was - was_before[i])
            new = old + (one[i] - other[i]) / (inverse_one[i] + inverse_other[i])
            # The projection of equation `joint-dual`: |u| is at most half the edge's weight for each class.
            new = min(max(new, -most[i]), most[i])
            was_before[i] = was
            edge[i] = new
            one[i] -= (new - old) * inverse_one[i]
            other[i] += (new - old) * inverse_other[i]


@partial(cached, error_model="numpy", fastmath=FINITE, _nrt=False)
@no_type_check
def _along(plane, momentum, moved):
    """Update the edges within rows: those that begin at even columns, then those at odd ones.

    All are computed and every second one is kept, because loops over every second number are not vectorised.
    """
    logs, inverse, edges, before, half = plane
    none = momentum - momentum  # 0 in the arrays' precision
    for row in range(len(logs)):
        log, inv, edge, was_before, most = logs[row], inverse[row], edges[row], before[row], half[row]
        length = len(log) - 1
        for odd in range(2):
            for i in range(length):
                was, kept = edge[i], i % 2 == odd
                old = was + momentum * (was - was_before[i])
                new = old + (log[i] - log[i + 1]) / (inv[i] + inv[i + 1])
                new = min(max(new, -most[i]), most[i])
                was_before[i] = was if kept else was_before[i]
                edge[i] = new if kept else was
                moved[i] = new - old if kept else none
            # Apart: one loop would read what it has just written, which is not vectorised either.
            for i in range(length):
                log[i] -= moved[i] * inv[i]
            for i in range(length):
                log[i + 1] += moved[i] * inv[i + 1]


@partial(cached, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def _normalise(logs, last, mean, momentum, share):
    """Apply momentum, then subtract the log-partition.

    Both arrays are moved, so that their difference stays.
    """
    classes, cells = logs.shape
    top, total = np.empty(BLOCK, logs.dtype), np.empty(BLOCK, logs.dtype)
    probs = np.empty((classes, BLOCK), logs.dtype)
    for start in range(0, cells, BLOCK):
        end = min(start + BLOCK, cells)
        top[:], total[:] = -np.inf, 0
        for k in range(classes):
            _extrapolate(logs[k, start:end], last[k, start:end], top, momentum)
        for k in range(classes):
            _exponentiate(logs[k, start:end], top, probs[k], total)
        for i in range(end - start):
            top[i] += logarithm_of(total[i])
            # Normaliser and weight of the mean in one number: a division for each cell and not for each class.
            total[i] = share / total[i]
        for k in range(classes):
            _subtract(logs[k, start:end], last[k, start:end], mean[k, start:end], top, probs[k], total, share)


@partial(cached, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def _extrapolate(logs, last, top, momentum):
    for i in range(len(logs)):
        was = logs[i]
        new = was + momentum * (was - last[i])
        last[i] = was
        logs[i] = new
        top[i] = new if new > top[i] else top[i]


@partial(cached, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def _exponentiate(logs, top, probs, total):
    for i in range(len(logs)):
        probs[i] = exponential_of(logs[i] - top[i])
        total[i] += probs[i]


@partial(cached, error_model="numpy", fastmath={"contract", "reassoc"})
@no_type_check
def _subtract(logs, last, mean, partition, probs, weight, share):
    for i in range(len(logs)):
        logs[i] -= partition[i]
        last[i] -= partition[i]
        mean[i] += probs[i] * weight[i] - share * mean[i]
