"""Random small problems with every kind of row, their oracle, and rows given as they are."""

import warnings
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from batches import batch_of
from torch import Tensor

from weakseg import Evidence, WeakLabels
from weakseg.constraints.linear_rows import LinearRows, class_row, dense_row, join
from weakseg.types import UNLABELED

SIZE = (5, 6)


@dataclass(frozen=True)
class Given:
    """A constraint that is rows made before, one image each."""

    each: tuple[LinearRows, ...]

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """Those rows."""
        return list(self.each)


def evidence_of(logits: Tensor) -> Evidence:
    """Whole images, all valid, of which nothing is marked."""
    seeds = torch.full((len(logits), *logits.shape[2:]), UNLABELED)
    batch = batch_of(seeds, classes=logits.shape[1])
    return Evidence(batch.image, logits.log_softmax(1), batch.weak)


def random_problem(seed: int, classes: int = 4, feasible: bool = True) -> tuple[Tensor, LinearRows]:
    """Logits (C, h, w) and about eight rows of all kinds, all of which some segmentation obeys if `feasible`."""
    draw = np.random.default_rng(seed)
    logits = torch.from_numpy(draw.normal(0, 2, (classes, *SIZE)))
    inside = torch.from_numpy(draw.dirichlet(np.ones(classes), SIZE).transpose(2, 0, 1).copy())
    count = inside.sum((1, 2))
    box = torch.zeros(SIZE, dtype=torch.float64)
    box[1:4, 2:5] = torch.from_numpy(draw.uniform(0.2, 1, (3, 3)))
    one = torch.eye(classes, dtype=torch.float64)
    some = torch.from_numpy(draw.normal(size=(classes, *SIZE)))
    price = lambda: float(draw.choice([inf, inf, 0.5, 2.0]))  # noqa: E731
    ratio = one[1] - 0.8 * one[2]
    rows = [
        class_row(one[0], float(count[0]), None, price(), "first at least", grid=SIZE),
        class_row(one[1], None, float(count[1]) + 0.5, price(), "second at most", grid=SIZE),
        class_row(one[2] * 7, 7 * float(count[2]), 7 * float(count[2]), price(), "third exactly", grid=SIZE),
        class_row(ratio, float(ratio @ count) - 0.1, None, price(), "ratio", grid=SIZE),
        class_row(one[3], float((inside[3] * box).sum()), None, price(), "fourth in box", box),
        class_row(one[1] + one[3], None, float(((inside[1] + inside[3]) * box).sum()), price(), "two in box", box),
        dense_row(some, float((some * inside).sum()) - 0.2, "anything", price()),
        # Nobody can have this much: the slack has to be paid.
        class_row(one[3], 1.2 * SIZE[0] * SIZE[1], None, 0.3, "too much", grid=SIZE),
    ]
    return logits, join([rows[i] for i in draw.permutation(len(rows))[:6]], classes, SIZE)


def oracle(logits: Tensor, rows: LinearRows) -> tuple[float, np.ndarray]:
    """Objective in nats per pixel and segmentation, from an interior-point solver of general convex problems."""
    import cvxpy as cp

    log_probs = logits.log_softmax(0).flatten(1).T.numpy()
    pixels, classes = log_probs.shape
    coefficients = rows.coefficients().flatten(2).transpose(1, 2).reshape(len(rows), -1).numpy()
    probs, slack = cp.Variable((pixels, classes)), cp.Variable(len(rows), nonneg=True)
    hard = np.isinf(rows.prices.numpy())
    demands = [cp.sum(probs, axis=1) == 1]
    if len(rows):
        demands += [coefficients @ cp.vec(probs, order="C") >= rows.bounds.numpy() - slack]
    if hard.any():
        demands += [slack[np.flatnonzero(hard)] == 0]
    owed = np.where(hard, 0, rows.prices.numpy()) @ slack
    problem = cp.Problem(cp.Minimize((cp.sum(cp.kl_div(probs, np.exp(log_probs))) + owed) / pixels), demands)
    with warnings.catch_warnings():
        # It says so when it stops a little above the tolerances asked for, which are tighter than the tests need.
        warnings.filterwarnings("ignore", "Solution may be inaccurate")
        value = problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return float(value), probs.value.T.reshape(logits.shape)
