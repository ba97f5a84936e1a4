"""GCO v3 beside our graph cut, on the same problems: graph building and expansion, without its wrapper's label loop."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gco import GCO

from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.grids.neighbours import STEPS, ends

sys.path.append(str(Path(__file__).parents[1]))
from cut import SHARPER, Problem, photos, problem, scribbled

SCALE, HARD = 1000, 1000.0
"""GCO takes integers; a seed is a label that costs nothing where all others cost `HARD`."""


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread, processor time, taken in turns; 512 pixels for the first three photos only, to end in minutes."""
    images = list(photos(10))
    cases = [(image, 321, classes) for image in images for classes in (2, 5, 21)]
    cases += [(image, 512, classes) for image in images[:3] for classes in (2, 5, 21)]
    excesses = []
    kinds = {
        "weak": (problem(*case, 1.0) for case in cases),
        "confident": (problem(*case, SHARPER) for case in cases),
        "scribbles": scribbled(),
    }
    for name, problems in kinds.items():
        ratios = []
        for given in problems:
            ratio, excess = compared(given)
            ratios.append(ratio)
            excesses.append(excess)
        if not ratios:
            continue
        ratio, unit = float(np.exp(np.log(ratios).mean())), f"times, geometric mean of {len(ratios)}"
        yield f"cut.speedup_{name}", ratio, f"{unit}; {min(ratios):.2g} to {max(ratios):.2g}"
    unit = f"of GCO's energy, {len(excesses)} problems"
    yield "cut.energy_excess", float(np.mean(excesses)), f"{unit}, mean"
    yield "cut.energy_excess_worst", max(excesses), f"{unit}, worst"


def compared(given: Problem) -> tuple[float, float]:
    """GCO's time over ours, and how much more energy ours has, as a share."""
    given.cut()
    ours = []
    for _ in range(3):
        started = time.process_time()
        cut = given.cut()
        ours.append(time.process_time() - started)
    seconds, labels = theirs(given)
    energy = labelling_energy(given.unary, given.weight, given.valid, labels)
    mine = labelling_energy(given.unary, given.weight, given.valid, cut.labels)
    return seconds / sorted(ours)[1], (mine - energy) / energy


def theirs(given: Problem) -> tuple[float, np.ndarray]:
    """Seconds of building and expanding until convergence, and GCO's labels."""
    classes, rows, columns = given.unary.shape
    costs = given.unary.astype(np.float64)
    seeded = given.seeds >= 0
    for label in range(classes):
        costs[label] = np.where(seeded, np.where(given.seeds == label, 0, HARD), costs[label])
    number = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    near, far = (np.concatenate([ends(number, step)[i].ravel() for step in STEPS]) for i in (0, 1))
    weight = np.concatenate([ends(given.weight[d], step)[0].ravel() for d, step in enumerate(STEPS)])
    costs = costs.reshape(classes, -1).T
    whole = lambda values: np.rint(np.ascontiguousarray(values) * SCALE).astype(np.intc)  # noqa: E731
    started = time.process_time()
    graph = GCO()
    graph.create_general_graph(len(costs), classes, False)
    graph.set_data_cost(whole(costs))
    graph.set_all_neighbors(near, far, whole(weight))
    graph.set_smooth_cost((1 - np.eye(classes)).astype(np.intc))
    built = time.process_time() - started
    for pixel, label in enumerate(costs.argmin(1)):
        graph.init_label_at_site(pixel, int(label))
    started = time.process_time()
    graph.expansion(-1)
    seconds = built + time.process_time() - started
    labels = np.asarray(graph.get_labels(), np.int32).reshape(rows, columns)
    graph.destroy_graph()
    return seconds, labels
