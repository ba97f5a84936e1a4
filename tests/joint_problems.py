"""Random small joint problems with everything that is hostile in them, and equation `joint` as it reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from unittest.mock import patch

import numpy as np
import torch
from batches import batch_of
from linear_problems import Given
from torch import Tensor

from weakseg import Evidence, JointProjection
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import (
    All,
    BoxesFilled,
    NothingOutsideBoxes,
    SizesWithin,
    TaggedClassesPresent,
    UntaggedClassesAbsent,
)
from weakseg.constraints.linear_rows import Constraint, LinearRows, class_row, join, rows_of
from weakseg.energies import GridPotts
from weakseg.grids.known_cells import allowed_classes
from weakseg.grids.pooling import side_in_cells
from weakseg.joint import joint_projection
from weakseg.types import UNLABELED

LABELLINGS = 2000
"""How many are tried for an image, at most."""


@contextmanager
def as_off_the_cpu() -> Iterator[None]:
    """The joint problem solved the way it is on other devices: all images at once, in torch."""
    with patch.object(joint_projection, "ascend_apart", joint_projection.ascend_together):
        yield


def random_joint(seed: int) -> tuple[JointProjection, Evidence]:
    """One or two images of 1 to 16 pixels, with marks, void pixels, tags, boxes, rows and weights of any kind."""
    draw = np.random.default_rng(seed)
    images, classes = int(draw.choice([1, 1, 2])), int(draw.integers(1, 5))
    size = (int(draw.integers(1, 5)), int(draw.integers(1, 5)))
    spread = float(draw.choice([0, 1, 1, 5, 300]))
    precision = torch.float64 if draw.random() < 0.5 else torch.float32
    logits = torch.from_numpy(draw.normal(size=(images, classes, *size)) * spread)
    log_probs = logits.log_softmax(1)
    if draw.random() < 0.15:
        log_probs = log_probs.where(torch.from_numpy(draw.random(log_probs.shape) > 0.2), -torch.inf)
    labels = _labels(draw, images, classes, size)
    evidence = replace(labels, log_probs=log_probs.to(precision))
    solver = JointProjection(
        constraint=_constraint(draw, evidence),
        potts=GridPotts(int(draw.choice([4, 8]))),
        edge_weight=float(draw.choice([0, 0.05, 0.2, 1, 100, 1e6])),
        prediction_weight=float(draw.choice([0, 0.3, 1, 1, 10])),
        appearance=ScribbleDensities() if draw.random() < 0.2 else None,
        temperature=float(draw.choice([0.05, 0.5, 1, 3])),
        only_classes_present=bool(draw.random() < 0.6),
        cell_px=1,
        max_sweeps=int(draw.choice([1, 5, 20])),
    )
    return solver, evidence


def _labels(draw: np.random.Generator, images: int, classes: int, size: tuple[int, int]) -> Evidence:
    """Images with all that may be said of them, contradictory things too."""
    valid = torch.from_numpy(draw.random((images, *size)) >= draw.choice([0, 0, 0.3, 1]))
    marked = draw.random((images, *size)) < draw.choice([0, 0.2, 0.6, 1])
    seeds = torch.from_numpy(np.where(marked, draw.integers(0, classes, (images, *size)), UNLABELED))
    weak = batch_of(seeds.where(valid, UNLABELED), valid, classes).weak
    low = draw.random((images, classes)) * 0.5
    said = draw.random((images, classes, 1)) < 0.4
    areas = np.where(said, np.stack([low, low + (1 - low) * draw.random((images, classes))], 2), [0.0, 1.0])
    boxes = []
    for _ in range(images):
        corners = draw.uniform(-1, [size[0] - 0.5, size[1] - 0.5], (int(draw.integers(0, 3)), 2))
        ends = corners + draw.uniform(0.2, max(size), corners.shape)
        label = draw.integers(0, classes, (len(corners), 1))
        boxes.append(torch.from_numpy(np.concatenate([label, corners, ends], 1)).float())
    weak = replace(
        weak,
        tags=torch.from_numpy(draw.choice([-1, 0, 1], (images, classes), p=[0.5, 0.2, 0.3])),
        areas=torch.from_numpy(areas).float(),
        boxes=tuple(boxes),
    )
    image = torch.from_numpy(draw.random((images, 3, *size))).float()
    return Evidence(image, torch.zeros((images, classes, *size)), weak)


def _constraint(draw: np.random.Generator, evidence: Evidence) -> Constraint:
    """Our constraints, or any rows: some of them contradict each other, the marks or what is deleted."""
    images, classes, *size = evidence.log_probs.shape
    if draw.random() < 0.5:
        price = float(draw.choice([inf, 2.0]))
        ours = (
            UntaggedClassesAbsent(),
            TaggedClassesPresent(0.2, price),
            SizesWithin(price),
            BoxesFilled(0.75, price),
            NothingOutsideBoxes(),
        )
        return All(tuple(each for each in ours if draw.random() < 0.5))
    return Given(tuple(_rows(draw, classes, (size[0], size[1])) for _ in range(images)))


def _rows(draw: np.random.Generator, classes: int, grid: tuple[int, int]) -> LinearRows:
    rows = []
    for i in range(int(draw.integers(0, 4))):
        weights = torch.from_numpy(draw.normal(size=classes) * (draw.random(classes) < 0.7))
        low, high = np.sort(draw.uniform(-0.2, 1.1, 2)) * grid[0] * grid[1]
        price = float(draw.choice([inf, 2.0, 0.1, 50.0, 0.0]))
        region = torch.from_numpy(draw.random(grid)) if draw.random() < 0.3 else None
        where = {"grid": grid} if region is None else {"region": region}
        rows.append(class_row(weights, float(low), float(high) if i % 2 else None, price, f"row {i}", **where))
    return join(rows, classes, grid)


@dataclass(frozen=True)
class Asked:
    """Equation `joint` for one image, cell by cell, with every constraint written out. In nats, not per pixel."""

    costs: np.ndarray
    """(C, n), infinite where a class may not be."""
    free: np.ndarray
    """(n,), where more than one class may be; nothing else costs anything of itself."""
    valid: np.ndarray
    edges: tuple[tuple[int, int, float], ...]
    """Both ends and the price."""
    rows: np.ndarray
    """(N, C, n)."""
    bounds: np.ndarray
    prices: np.ndarray
    temperature: float

    def energy(self, y: np.ndarray) -> float:
        """Of a segmentation (C, n); hard rows cost nothing here."""
        at = self.free & self.valid
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(y > 0, y * (self.costs + self.temperature * np.log(y)), 0.0)
        apart = sum(price / 2 * float(np.abs(y[:, i] - y[:, j]).sum()) for i, j, price in self.edges)
        soft = ~np.isinf(self.prices)
        return float(own[:, at].sum()) + apart + float(self.prices[soft] @ self.missed(y)[soft])

    def missed(self, y: np.ndarray) -> np.ndarray:
        """By how many cells each row is."""
        return np.maximum(0, self.bounds - np.einsum("rkn,kn,n->r", self.rows, y, self.valid))

    def best_labelling(self) -> float | None:
        """The lowest energy of any labelling that obeys the hard rows; `None` where that are too many, or none."""
        choices = [
            np.flatnonzero(may) if v else [0] for may, v in zip(np.isfinite(self.costs.T), self.valid, strict=True)
        ]
        if np.prod([float(len(each)) for each in choices]) > LABELLINGS:
            return None
        labels, cells = np.array(list(product(*choices))), np.flatnonzero(self.valid)
        counted = cells[self.free[cells]]
        energy = self.costs[labels[:, counted], counted].sum(1)
        for i, j, price in self.edges:
            energy += price * (labels[:, i] != labels[:, j])
        obeys = np.ones(len(labels), bool)
        for row, bound, price in zip(self.rows, self.bounds, self.prices, strict=True):
            missed = np.maximum(0, bound - row[labels[:, cells], cells].sum(1))
            obeys &= ~((missed > 1e-9) & np.isinf(price))
            energy += missed * (0 if np.isinf(price) else price)
        return float(energy[obeys].min()) if obeys.any() else None


def asked_of(solver: JointProjection, evidence: Evidence, index: int, relaxed: bool) -> Asked:
    """What is asked of one image; `relaxed` where hard rows contradict each other and have a price instead."""
    weak, (classes, *size) = evidence.weak, evidence.log_probs.shape[1:]
    size = (size[0], size[1])
    rows = rows_of(solver.constraint, weak, size, classes)[index]
    valid = weak.valid[index].flatten().numpy()
    seeds = np.where(valid, weak.seeds[index].flatten().numpy(), UNLABELED)
    may = np.ones((classes, len(valid)), bool)
    present = allowed_classes(
        weak.seeds[index].where(weak.valid[index], UNLABELED), weak.tags[index], solver.only_classes_present
    )
    kept = present.numpy() & ~rows.absent.numpy()
    may &= kept[:, None] if kept.any() else True
    scores = _scores(solver, evidence)[index]
    if rows.forbidden is not None:
        # Where nothing possible would be left, the deletion is ignored, and the sentence of the image says so.
        narrower = may & ~rows.forbidden.flatten(1).numpy() & np.isfinite(scores)
        may = np.where(narrower.any(0), narrower, may)
    possible = may & np.isfinite(scores)
    unknown = ~possible.any(0)
    costs = np.where(unknown, 0.0, -scores)
    may = np.where(unknown, may, possible)
    for cell in np.flatnonzero(seeds != UNLABELED):
        if may[seeds[cell], cell]:
            may[:, cell] = np.arange(classes) == seeds[cell]
    potts = solver.potts
    assert potts is not None
    scale = solver.edge_weight * float(side_in_cells(weak, size)[index])
    weight = potts.edge_costs(evidence.image[index].numpy(), weak.valid[index].numpy())
    height, width = size
    edges = [
        (row * width + column, (row + down) * width + column + right, scale * float(weight[d, row, column]))
        for d, (down, right) in enumerate(potts.steps)
        for row in range(height - down)
        for column in range(width)
        if 0 <= column + right < width and weight[d, row, column]
    ]
    prices = rows.prices.numpy()
    finite = prices[~np.isinf(prices)]
    prices = np.minimum(prices, 20.0 + finite.max(initial=0)) if relaxed else prices
    return Asked(
        costs=np.where(may, costs, np.inf),
        free=(may.sum(0) > 1) & (seeds == UNLABELED),
        valid=valid,
        edges=tuple(edges),
        rows=rows.coefficients().flatten(2).numpy(),
        bounds=rows.bounds.numpy(),
        prices=prices,
        temperature=solver.temperature,
    )


def _scores(solver: JointProjection, evidence: Evidence) -> np.ndarray:
    """Before edges and rows, (B, C, n)."""
    log_probs = evidence.log_probs.double()
    scores = solver.prediction_weight * log_probs if solver.prediction_weight else torch.zeros_like(log_probs)
    if solver.appearance is not None:
        size = (log_probs.shape[2], log_probs.shape[3])
        scores = scores - solver.appearance_weight * solver.appearance(evidence, size).double()
    return scores.flatten(2).numpy()


def one_of(solver: JointProjection, evidence: Evidence, index: int) -> tuple[JointProjection, Evidence]:
    """One image by itself."""
    names = ("seeds", "valid", "tags", "areas", "window", "whole_valid")
    weak: dict[str, Tensor] = {name: getattr(evidence.weak, name)[[index]] for name in names}
    alone = replace(evidence.weak, **weak, boxes=(evidence.weak.boxes[index],))
    rows = solver.constraint
    solver = replace(solver, constraint=Given((rows.each[index],)) if isinstance(rows, Given) else rows)
    return solver, Evidence(evidence.image[[index]], evidence.log_probs[[index]], alone)
