"""One image's graph cut under linear rows."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int32
from torch import Tensor

from weakseg.cuts.cut_problem import CutProblem
from weakseg.cuts.labelling_energy import labelling_energy
from weakseg.cuts.minimise import minimise
from weakseg.projection.dual_problem import DualProblem

FORBIDDEN = 1e12
"""Cost of a deleted class: larger than any gain, and still finite."""

MET = 1e-9
"""Violation of a row, in cells, that counts as none."""

ROUNDING = 2.0**-22
"""Fraction of the absolute costs by which the bound is lowered, for the rounding of single precision."""


@dataclass(frozen=True)
class Labelling:
    """A labelling with its energy, in units of the cut."""

    labels: Int32[np.ndarray, "h w"]
    own: float
    """Energy without rows."""
    measured: Float[np.ndarray, " N"]
    missed: float
    """Total violation of the hard rows, in cells."""
    energy: float
    """Energy with the price of violated rows."""

    def better(self, other: "Labelling") -> bool:
        """Whether it violates hard rows less, or costs less."""
        more = self.missed - other.missed
        return more < -MET or (more <= MET and self.energy < other.energy)

    def one_hot(self, classes: int) -> Float[Tensor, "1 K n"]:
        """The labelling as a segmentation."""
        return _one_hot(self.labels, classes)


@dataclass(frozen=True)
class CutUnderRows:
    """Graph cut and linear rows of one image.

    Costs, multipliers and prices are those of equation `joint-cut` divided by the root of n.
    """

    cut: CutProblem
    """The cut without rows."""
    deleted: Bool[np.ndarray, "K h w"]
    """Classes that a cell must not have."""
    rows: DualProblem
    """Rows on the unlabelled part of each cell, in float64 on the CPU."""
    root: float
    """Root of the number of valid cells, n."""

    @property
    def bounds(self) -> Float[np.ndarray, " N"]:
        """Right-hand sides of the rows, in cells."""
        return self.rows.bounds[0].numpy()

    @property
    def prices(self) -> Float[np.ndarray, " N"]:
        """Prices of the rows, in nats per cell."""
        return self.rows.prices[0].numpy()

    def tilted(self, multipliers: Float[np.ndarray, " N"]) -> Float32[np.ndarray, "K h w"]:
        """Label costs minus the dual bias of the multipliers."""
        unary = self.cut.unary
        if multipliers.any():
            paid = self.rows.tilt(torch.from_numpy(multipliers)[None])[0] * self.rows.mass[0]
            unary = (unary - paid.numpy().reshape(-1, *self.deleted.shape[1:]) / self.root).astype(np.float32)
        return np.where(self.deleted, np.float32(FORBIDDEN), unary) if self.deleted.any() else unary

    def solved(
        self, multipliers: Float[np.ndarray, " N"], begin: Int32[np.ndarray, "h w"], max_sweeps: int
    ) -> tuple[Labelling, float]:
        """Labelling and lower bound at some multipliers, equation `joint-cut-bound`."""
        unary = np.ascontiguousarray(self.tilted(multipliers))
        cut = minimise(*self.cut._replace(unary=unary, begin=begin), max_sweeps)
        bound = cut.bound + float(multipliers @ self.bounds) / self.root
        # Single precision may round the tilted costs up, so the bound is lowered to stay valid.
        if multipliers.any():
            largest = np.where(self.deleted, 0, np.abs(unary)).max(0)
            bound -= ROUNDING * float(largest.sum(where=self.cut.valid, dtype=np.float64))
        return self.evaluated(self._possible(cut.labels)), bound

    def evaluated(self, labels: Int32[np.ndarray, "h w"]) -> Labelling:
        """A labelling with its energy and violations."""
        # With the untilted costs: multipliers served to find the labelling and are no part of its energy.
        own = labelling_energy(self.cut.unary, self.cut.weight, self.cut.valid, labels)
        measured = self.rows.measured(_one_hot(labels, len(self.deleted)))[0].numpy()
        lacking = np.maximum(0, self.bounds - measured)
        hard = np.isinf(self.prices)
        paid = float(self.prices[~hard] @ lacking[~hard]) / self.root
        return Labelling(labels, own, measured, float(lacking[hard].sum()), own + paid)

    def _possible(self, labels: Int32[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
        """Labels without deleted classes.

        A cut that was stopped early may still have some.
        """
        wrong = np.take_along_axis(self.deleted, labels[None], 0)[0]
        return np.where(wrong, np.where(self.deleted, np.inf, self.cut.unary).argmin(0).astype(np.int32), labels)


def _one_hot(labels: Int32[np.ndarray, "h w"], classes: int) -> Float[Tensor, "1 K n"]:
    return torch.from_numpy(labels.reshape(-1) == np.arange(classes)[:, None])[None].double()
