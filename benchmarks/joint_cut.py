"""The integral joint problem against trying every labelling, and what a cut under rows costs.

Random problems of up to nine cells and two or three labels: marks, void cells, deleted classes, edges, and rows about
sizes, tags and boxes, priced and hard, which may contradict each other. `joint.bound_ok` is the share in which no
bound is above the best labelling that obeys the hard rows, and no energy below it; `joint.optimal_share` the share in
which the answer is as good as the best, of the problems with rows. `joint.cut_ms` is processor time of one thread.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import torch

from weakseg import (
    All,
    AlphaExpansion,
    Batch,
    BoxesFilled,
    Evidence,
    JointCut,
    NothingOutsideBoxes,
    Solution,
    SizesWithin,
    TaggedClassesPresent,
    UntaggedClassesAbsent,
)
from weakseg.constraints.linear_rows import rows_of
from weakseg.solvers.dual_projection import RELAXED_PRICE

PROBLEMS, SIDE = 10_000, 256


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread; compiled once before."""
    torch.set_num_threads(1)
    judged = [judge(*problem(seed)) for seed in range(PROBLEMS)]
    yield "joint.bound_ok", float(np.mean([one["sound"] for one in judged])), f"share of {PROBLEMS}"
    for labels in (2, 3):
        found = [one["optimal"] for one in judged if one["labels"] == labels and one["rows"]]
        yield f"joint.optimal_share_{labels}", float(np.mean(found)), f"share of {len(found)} with rows, {labels} labels"
    hard = [one["optimal"] for one in judged if one["rows"] and one["gap"] > 1e-4]
    yield "joint.optimal_share_of_gaps", float(np.mean(hard)), f"share of {len(hard)} whose gap is not closed"
    yield from large()


def problem(seed: int) -> tuple[JointCut, Evidence]:
    """One image and all that is said about it."""
    draw = np.random.default_rng(seed)
    labels, size = int(draw.integers(2, 4)), tuple(draw.integers(1, 4, 2).tolist())
    valid = draw.random((1, *size)) >= draw.choice([0, 0, 0.2])
    marked = valid & (draw.random((1, *size)) < draw.choice([0, 0.2, 0.4]))
    seeds = np.where(marked, draw.integers(0, labels, (1, *size)), -1)
    batch = Batch.from_seeds(draw.random((1, 3, *size)).astype(np.float32), seeds, labels, valid)
    low = draw.random((1, labels)) * 0.6
    told = draw.random((1, labels, 1)) < 0.6
    areas = np.where(told, np.stack([low, low + draw.random((1, labels)) * 0.4], 2), [0.0, 1.0])
    tags = draw.choice([-1, 0, 1], (1, labels), p=[0.6, 0.1, 0.3])
    boxes = np.zeros((int(draw.integers(0, 2)), 5), np.float32)
    for box in boxes:
        corner, far = np.sort(draw.integers(0, np.array(size) + 1, (2, 2)), 0)
        box[:] = [draw.integers(labels), *corner, *np.maximum(far, corner + 1)]
    weak = replace(
        batch.weak,
        areas=torch.from_numpy(areas).float(),
        tags=torch.from_numpy(tags),
        boxes=(torch.from_numpy(boxes),),
    )
    price = float(draw.choice([inf, 0.5, 2.0]))
    rows = (
        SizesWithin(price),
        TaggedClassesPresent(0.2, float(draw.choice([inf, 2.0]))),
        UntaggedClassesAbsent(),
        BoxesFilled(0.75, price),
        NothingOutsideBoxes(),
    )
    some = All(tuple(each for each in rows if draw.random() < 0.6))
    logits = torch.from_numpy(draw.normal(size=(1, labels, *size)) * draw.choice([1, 3]))
    solver = JointCut(some, edge_weight=float(draw.choice([0, 0.05, 0.2, 1])), only_classes_present=False)
    return solver, Evidence(batch.image, logits.float().log_softmax(1), weak)


def judge(solver: JointCut, evidence: Evidence) -> dict[str, float]:
    """An answer beside the best of all labellings."""
    solution = solver.solve(evidence)
    numbers = {name: float(column[0]) for name, column in solution.certificate.items()}
    best, missed, rows = best_labelling(solver, evidence, solution)
    met = "Not met" not in solution.status[0]
    # What no labelling obeys has no optimum, and any bound is below it.
    sound = missed > 1e-6 or numbers["bound"] <= best + 1e-5 and (not met or numbers["energy"] >= best - 1e-5)
    least = met or numbers["violation"] <= missed + 1e-6
    optimal = least and (missed <= 1e-6 or not met) and numbers["energy"] <= best + 1e-5
    labels = evidence.log_probs.shape[1]
    return {"sound": sound, "optimal": optimal, "labels": labels, "rows": rows, "gap": numbers["gap"]}


def best_labelling(solver: JointCut, evidence: Evidence, solution: Solution) -> tuple[float, float, int]:
    """The lowest energy per pixel of all labellings that miss hard rows least, by how much they do, and the rows.

    Every constraint is written out; where hard rows contradict each other they have their price.
    """
    weak, (labels, *size) = evidence.weak, evidence.log_probs.shape[1:]
    rows = rows_of(solver.constraint, weak, (size[0], size[1]), labels)[0]
    valid, seeds = weak.valid[0].flatten().numpy(), weak.seeds[0].flatten().numpy()
    absent = np.zeros(labels, bool) if rows.absent.all() else rows.absent.numpy()
    drawn = np.isin(np.arange(labels), seeds)
    may = np.tile(~(absent & ~drawn)[:, None], len(valid))
    deleted = np.zeros_like(may) if rows.forbidden is None else rows.forbidden.flatten(1).numpy()
    deleted = deleted | (absent & drawn)[:, None]
    narrower = may & ~deleted
    may = np.where(narrower.any(0), narrower, may)
    for cell in np.flatnonzero(seeds >= 0):
        may[:, cell] = np.arange(labels) == seeds[cell]
    choices = [np.flatnonzero(column) if there else [0] for column, there in zip(may.T, valid, strict=True)]
    tried, cells = np.array(list(product(*choices))), np.flatnonzero(valid)
    n = max(len(cells), 1)
    costs = -evidence.log_probs[0].flatten(1).double().numpy()
    energy = costs[tried[:, cells], cells].sum(1)
    weights = solver.potts.edge_costs(evidence.image[0].numpy(), weak.valid[0].numpy()).astype(float)
    grids = tried.reshape(-1, *size)
    for weight, (down, right) in zip(weights, solver.potts.steps, strict=True):
        for row, column in zip(*np.nonzero(weight), strict=True):
            apart = grids[:, row, column] != grids[:, row + down, column + right]
            energy += solver.edge_weight * n**0.5 * weight[row, column] * apart
    prices = rows.prices.numpy()
    if "Infeasible" in solution.status[0]:
        prices = np.minimum(prices, RELAXED_PRICE + prices[np.isfinite(prices)].max(initial=0))
    worst = np.zeros(len(tried))
    for row, bound, price in zip(rows.coefficients().flatten(2).numpy(), rows.bounds.tolist(), prices, strict=True):
        missed = np.maximum(0, bound - row[tried[:, cells], cells].sum(1))
        worst += missed if np.isinf(price) else 0
        energy += 0 if np.isinf(price) else price * missed
    least = worst <= worst.min() + 1e-9
    return float(energy[least].min()) / n, float(worst.min()) / n, len(rows)
