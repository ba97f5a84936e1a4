"""One image's graph cut under linear rows: what multipliers add to its costs, and what a labelling is worth."""

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
"""What a deleted class costs: more than anything that can be won by it, and still a number."""

MET = 1e-9
"""By how many cells a row that holds may be missed."""

ROUNDING = 2.0**-22
"""Of costs in single precision, each of a few roundings: by so much of their sum the bound is lowered."""


@dataclass(frozen=True)
class Labelling:
    """A labelling and what it is worth, in the units of the cut."""

    labels: Int32[np.ndarray, "h w"]
    own: float
    """Energy without rows."""
    measured: Float[np.ndarray, " N"]
    missed: float
    """By how many cells hard rows are, together."""
    energy: float
    """With what missed rows of a price are paid."""

    def better(self, other: "Labelling") -> bool:
        """Misses hard rows by less, or as little at a lower energy."""
        more = self.missed - other.missed
        return more < -MET or (more <= MET and self.energy < other.energy)

    def one_hot(self, classes: int) -> Float[Tensor, "1 K n"]:
        """As a segmentation."""
        return _one_hot(self.labels, classes)


@dataclass(frozen=True)
class CutUnderRows:
    """Costs are those of equation 69 over the root of n, and so are multipliers and prices where they are costs."""

    cut: CutProblem
    """Without rows."""
    deleted: Bool[np.ndarray, "K h w"]
    """Classes that a cell may not have."""
    rows: DualProblem
    """Rows of the hidden part of each cell, in float64 on the CPU."""
    root: float
    """Of n."""

    @property
    def bounds(self) -> Float[np.ndarray, " N"]:
        """Of the rows, in cells."""
        return self.rows.bounds[0].numpy()

    @property
    def prices(self) -> Float[np.ndarray, " N"]:
        """Nats a cell."""
        return self.rows.prices[0].numpy()

    def tilted(self, multipliers: Float[np.ndarray, " N"]) -> Float32[np.ndarray, "K h w"]:
        """Costs of the labels, less what multipliers pay for them."""
        unary = self.cut.unary
        if multipliers.any():
            paid = self.rows.tilt(torch.from_numpy(multipliers)[None])[0] * self.rows.mass[0]
            unary = (unary - paid.numpy().reshape(-1, *self.deleted.shape[1:]) / self.root).astype(np.float32)
        return np.where(self.deleted, np.float32(FORBIDDEN), unary) if self.deleted.any() else unary

    def solved(
        self, multipliers: Float[np.ndarray, " N"], begin: Int32[np.ndarray, "h w"], max_sweeps: int
    ) -> tuple[Labelling, float]:
        """The labelling that a cut finds for some multipliers, and the bound that it proves, equation 70."""
        unary = np.ascontiguousarray(self.tilted(multipliers))
        cut = minimise(*self.cut._replace(unary=unary, begin=begin), max_sweeps)
        bound = cut.bound + float(multipliers @ self.bounds) / self.root
        if multipliers.any():
            largest = np.where(self.deleted, 0, np.abs(unary)).max(0)
            bound -= ROUNDING * float(largest.sum(where=self.cut.valid, dtype=np.float64))
        return self.judged(self._possible(cut.labels)), bound

    def judged(self, labels: Int32[np.ndarray, "h w"]) -> Labelling:
        """What a labelling is worth."""
        own = labelling_energy(self.cut.unary, self.cut.weight, self.cut.valid, labels)
        measured = self.rows.measured(_one_hot(labels, len(self.deleted)))[0].numpy()
        lacking = np.maximum(0, self.bounds - measured)
        hard = np.isinf(self.prices)
        paid = float(self.prices[~hard] @ lacking[~hard]) / self.root
        return Labelling(labels, own, measured, float(lacking[hard].sum()), own + paid)

    def _possible(self, labels: Int32[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
        """A cut that was stopped may still have labels that cannot be."""
        wrong = np.take_along_axis(self.deleted, labels[None], 0)[0]
        return np.where(wrong, np.where(self.deleted, np.inf, self.cut.unary).argmin(0).astype(np.int32), labels)


def _one_hot(labels: Int32[np.ndarray, "h w"], classes: int) -> Float[Tensor, "1 K n"]:
    return torch.from_numpy(labels.reshape(-1) == np.arange(classes)[:, None])[None].double()
