"""The joint problem: how near its certificate comes, and what a solve costs beside a training step.

Times are processor time of one thread. `joint.ms_per_image` is an image of 321 x 321 pixels, five labels, cells of 2,
six rows and edges of about 10 nats, until the gap is 1e-3 nats per pixel; `joint.step_share` is the solve of a batch of
eight crops as `weakseg train` solves it at every step, over that step.

Labellings: random problems of up to nine cells and two or three labels, with marks, void cells, deleted classes, edges,
and rows about sizes, tags and boxes, priced and hard, which may contradict each other. `joint.bound_ok` is the share in
which no bound is above the best labelling that obeys the hard rows, and no energy below it; `joint.optimal_share` the
share in which the answer is as good as the best, of the problems with rows and two labels. `joint.cut_ms` is a cut
under six rows of an image of 256 x 256 pixels and five labels.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from statistics import median
from unittest.mock import patch

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from weakseg import Batch, Evidence, JointCut, JointProjection, Solution
from weakseg.constraints import (
    All,
    BoxesFilled,
    NothingOutsideBoxes,
    SizesWithin,
    TaggedClassesPresent,
    UntaggedClassesAbsent,
)
from weakseg.constraints.linear_rows import class_row, join, rows_of
from weakseg.grids.pooling import side_in_cells
from weakseg.joint import joint_projection
from weakseg.networks import UNet
from weakseg.projection.dual_projection import RELAXED_PRICE
from weakseg.recipe.method import methods

SIDE, LABELS, EDGE_NATS = 321, 5, 10.0
PROBLEMS = 1000
COMPARED = 100
LITTLE = 10_000


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread; compiled once before."""
    torch.set_num_threads(1)
    for temperature in (1.0, 0.1):
        gaps = [gap(seed, temperature) for seed in range(PROBLEMS)]
        share = float(np.mean(np.array(gaps) <= 1e-4))
        yield f"joint.gap_per_pixel_T{temperature:g}", max(gaps), f"nats, worst of {PROBLEMS}, float32"
        yield f"joint.gap_below_1e-4_T{temperature:g}", share, f"share of {PROBLEMS}"
    milliseconds, found = large()
    yield "joint.ms_per_image", milliseconds, f"ms, to a gap of {found:.1e} nats per pixel"
    yield from in_torch()
    yield "joint.step_share", step_share(), "of a training step of a U-Net of width 16 on 8 crops of 96 x 128"

    yield from labellings()


def gap(seed: int, temperature: float) -> float:
    """The gap per pixel of a random problem with seeds, edges and a priced row, after 3,000 sweeps at most."""
    generator = np.random.default_rng(seed)
    size, classes = tuple(generator.integers(3, 17, 2)), int(generator.integers(2, 6))
    evidence = evidence_of(generator, size, classes, sharp=2.0)
    solver = JointProjection(
        Rows(classes, 1, float(generator.uniform(0.5, 5))),
        edge_weight=float(generator.uniform(0, 1)),
        temperature=temperature,
        cell_px=1,
        tolerance=1e-4,
        max_sweeps=3000,
    )
    return float(solver.solve(evidence).certificate["gap"][0])


class Rows:
    """A share of the image at least, for each of the first classes."""

    def __init__(self, classes: int, count: int, price: float):
        self.classes, self.count, self.price = classes, count, price

    def rows(self, weak, grid):
        """The same rows for every image."""
        eye, cells = torch.eye(self.classes, dtype=torch.float64), grid[0] * grid[1]
        each = [
            class_row(eye[k % self.classes], cells / (2 + k), None, self.price, f"row {k}", grid=grid)
            for k in range(self.count)
        ]
        return [join(each, self.classes, grid) for _ in weak.tags]


def evidence_of(generator: np.random.Generator, size: tuple[int, int], classes: int, sharp: float) -> Evidence:
    """A smooth random image, a few seeds, and a smooth random prediction."""
    smooth = lambda count: np.stack(  # noqa: E731
        [gaussian_filter(generator.normal(size=size), max(size) / 16) for _ in range(count)]
    )
    image, logits = smooth(3), smooth(classes)
    image = (image - image.min()) / (image.max() - image.min() + 1e-9)
    logits = sharp * logits / (logits.std() + 1e-9) + generator.normal(size=logits.shape) / 2
    seeds = np.where(generator.random(size) < 0.02, generator.integers(0, classes, size), -1)
    batch = Batch.of(image[None].astype(np.float32), classes, seeds=seeds[None])
    return Evidence(batch.image, torch.from_numpy(logits[None]).float().log_softmax(1), batch.weak)


def large() -> tuple[float, float]:
    """Median of three solves of the problem that the heading names, and the gap."""
    solver, evidence = heavy(1)
    solution = solver.solve(evidence)
    return 1e3 * median(seconds(lambda: solver.solve(evidence)) for _ in range(3)), float(solution.certificate["gap"])


def heavy(images: int) -> tuple[JointProjection, Evidence]:
    """That problem, as often as is asked."""
    each = [evidence_of(np.random.default_rng(seed), (SIDE, SIDE), LABELS, sharp=3.0) for seed in range(images)]
    image, seeds = (torch.cat(part) for part in zip(*((e.image, e.weak.seeds) for e in each), strict=True))
    batch = Batch.of(image, LABELS, seeds=seeds)
    evidence = Evidence(batch.image, torch.cat([e.log_probs for e in each]), batch.weak)
    grid = ((SIDE + 1) // 2, (SIDE + 1) // 2)
    solver = JointProjection(
        All((Rows(LABELS, 6, 2.0),)),
        edge_weight=EDGE_NATS / float(side_in_cells(evidence.weak, grid)[0]),
        temperature=1.0,
        cell_px=2,
        only_classes_present=False,
        max_sweeps=200,
    )
    return solver, evidence


def in_torch() -> Iterator[tuple[str, float, str]]:
    """The ascent of other devices, which is in torch, on this one: what it costs, and whether it goes elsewhere."""
    solver, evidence = heavy(1)
    apart = [gap(seed, 1.0) for seed in range(COMPARED)]
    with patch.object(joint_projection, "ascend_apart", joint_projection.ascend_together):
        milliseconds = 1e3 * median(seconds(lambda: solver.solve(evidence)) for _ in range(3))
        numbers = solver.solve(evidence).certificate
        together = [gap(seed, 1.0) for seed in range(COMPARED)]
    unit = f"ms, {int(numbers['sweeps'][0])} sweeps to a gap of {float(numbers['gap'][0]):.1e} nats per pixel"
    yield "joint.torch_ms_per_image", milliseconds, unit
    differ = float(np.abs(np.subtract(apart, together)).max())
    yield "joint.torch_gap_apart", differ, f"nats, largest difference of the gap from the compiled one's, {COMPARED}"


def step_share() -> float:
    """The solver's part of a step, once the network has made up its mind a little."""
    generator, network = np.random.default_rng(0), UNet(width=16).build(3, 4)
    each = [evidence_of(generator, (96, 128), 4, sharp=3.0) for _ in range(8)]
    image = torch.cat([one.image for one in each])
    seeds = torch.cat([one.weak.seeds for one in each])
    batch = Batch.of(image, 4, seeds=seeds)
    fit = methods(None, drawn=True, everything=False, classes=4)["joint"].objective
    logits = F.avg_pool2d(torch.cat([one.log_probs for one in each]), 2)  # as coarse as the network's

    def step():
        objective = fit(network(image) + logits, batch)
        objective.backward()

    solving = median(seconds(lambda: fit.solution(logits, batch)) for _ in range(3))
    return solving / median(seconds(step) for _ in range(3))


def labellings() -> Iterator[tuple[str, float, str]]:
    """The integral problem, against trying every labelling."""
    judged = [judge(*little(seed)) for seed in range(LITTLE)]
    yield "joint.bound_ok", float(np.mean([one.sound for one in judged])), f"share of {LITTLE}"
    for labels, name in ((2, "joint.optimal_share"), (3, "joint.optimal_share_3")):
        found = [one.optimal for one in judged if one.labels == labels and one.rows]
        yield name, float(np.mean(found)), f"share of {len(found)} with rows and {labels} labels"
    evidence = evidence_of(np.random.default_rng(0), (256, 256), LABELS, sharp=3.0)
    solver = JointCut(Rows(LABELS, 6, 2.0), edge_weight=0.05, only_classes_present=False)
    numbers = solver.solve(evidence).certificate
    unit = f"ms, {int(numbers['cuts'][0])} cuts, to a gap of {float(numbers['gap'][0]):.1e} nats per pixel"
    yield "joint.cut_ms", 1e3 * seconds(lambda: solver.solve(evidence)), unit


@dataclass(frozen=True)
class Judged:
    """An answer beside the best of all labellings."""

    sound: bool
    optimal: bool
    labels: int
    rows: int


def little(seed: int) -> tuple[JointCut, Evidence]:
    """One image and all that is said about it."""
    draw = np.random.default_rng(seed)
    labels, size = int(draw.integers(2, 4)), tuple(draw.integers(1, 4, 2).tolist())
    valid = draw.random((1, *size)) >= draw.choice([0, 0, 0.2])
    marked = valid & (draw.random((1, *size)) < draw.choice([0, 0.2, 0.4]))
    seeds = np.where(marked, draw.integers(0, labels, (1, *size)), -1)
    batch = Batch.of(draw.random((1, 3, *size)).astype(np.float32), labels, seeds=seeds, valid=valid)
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


def judge(solver: JointCut, evidence: Evidence) -> Judged:
    """Whether bound and energy are on their sides of the best labelling, and whether the answer is as good."""
    solution = solver.solve(evidence)
    numbers = {name: float(column[0]) for name, column in solution.certificate.items()}
    best, missed, rows = best_labelling(solver, evidence, solution)
    met = "Not satisfied" not in solution.status[0]
    # What no labelling obeys has no optimum, and any bound is below it.
    sound = missed > 1e-6 or numbers["bound"] <= best + 1e-5 and (not met or numbers["energy"] >= best - 1e-5)
    least = met or numbers["violation"] <= missed + 1e-6
    optimal = least and (missed <= 1e-6 or not met) and numbers["energy"] <= best + 1e-5
    labels = evidence.log_probs.shape[1]
    return Judged(sound, optimal, labels, rows)


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


def seconds(done: Callable[[], object]) -> float:
    """Processor time of a call, after one that compiles."""
    done()
    start = time.process_time()
    done()
    return time.process_time() - start


if __name__ == "__main__":
    for row, value, unit in measure():
        print(f"{row}: {value:.3g} {unit}")
