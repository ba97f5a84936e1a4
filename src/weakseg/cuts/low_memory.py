"""Alpha-expansion without stored dual variables, for large images."""

import numpy as np

from weakseg.cuts.labelling_energy import cheapest, labelling_energy
from weakseg.cuts.run import Cut, begun, finished, improved
from weakseg.grids.neighbours import STEPS, ends


def without_reuse(unary, weight, valid, seeds, begin, max_sweeps) -> Cut:
    """The same moves, each as a two-label problem.

    The bound is the sum of the smallest unaries.
    """
    seeded = (seeds >= 0) & valid
    # Messages of all labels would take as much memory as the dual variables. The start is each pixel's own best label.
    labels = np.where(seeded, seeds, np.where(begin >= 0, begin, unary.argmin(0))).astype(np.int32)
    energies, idle, move = [labelling_energy(unary, weight, valid, labels)], 0, 0
    while idle < len(unary) and move < max_sweeps * len(unary):
        alpha = move % len(unary)
        takes = exact(*two_labels(alpha, unary, weight, valid, seeded, labels), max_sweeps)
        moved = np.where((takes == 1) & valid & (labels != alpha), np.int32(alpha), labels)
        energy_there = labelling_energy(unary, weight, valid, moved)
        better = energy_there < energies[-1]
        labels, idle = (moved, 1) if better else (labels, idle + 1)
        energies.append(energy_there if better else energies[-1])
        move += 1
    return Cut(labels, np.array(energies), cheapest(unary, valid, seeds), idle >= len(unary))


def exact(unary, weight, valid, seeds, begin, max_sweeps) -> np.ndarray:
    """The best labelling with two labels."""
    run = begun(unary, weight, valid, seeds, begin)
    improved(run, max_sweeps)
    return finished(run)


def two_labels(alpha: int, unary, weight, valid, seeded, labels):
    """An expansion as a two-label Potts energy.

    Label 0 keeps and label 1 becomes `alpha`, over pixels of other labels.

    Neighbours whose labels differ pay as long as one of them keeps its own: half of the weight each, and half where
    only one moves (equation `expansion`).
    """
    open_ = valid & (labels != alpha)
    keep = np.take_along_axis(unary, labels[None], 0)[0]
    edges = np.zeros_like(weight)
    for d, step in enumerate(STEPS[: len(weight)]):
        (w, _), (near, far), (a, b) = ends(weight[d], step), ends(labels, step), ends(open_, step)
        ends(edges[d], step)[0][...] = np.where(a & b, np.where(near == far, w, w / 2), 0)
        # Where one end has alpha already, the edge is cut for as long as the other keeps its label, which therefore
        # pays in full.
        paid = np.where(near == far, 0, np.where(a & b, w / 2, w))
        here, there = ends(keep, step)
        here += np.where(a, paid, 0)
        there += np.where(b, paid, 0)
    fixed = np.where(seeded & open_, 0, -1).astype(np.int32)
    return np.stack([keep, unary[alpha]]), edges, open_, fixed, np.zeros_like(labels)
