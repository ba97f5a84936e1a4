"""What the ascent asks of a problem, answered in torch: any rows, many images, on any device."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.projection.dual_problem import DualProblem


@dataclass(frozen=True)
class TiltedCells:
    """Images side by side, in the precision of the problem; a `box_newton.Dual`."""

    problem: DualProblem

    def at(self, multipliers: Float[np.ndarray, "B N"]) -> "TiltedPoint":
        """The distributions of all cells, which are kept for the curvature."""
        given = torch.from_numpy(multipliers)
        probs = self.problem.probs(given)
        return TiltedPoint(self.problem, given, probs, self.problem.measured(probs).cpu().numpy())

    def last_at(self, multipliers: Float[np.ndarray, "B N"]) -> "TiltedPoint":
        """The same: the distributions are there anyway."""
        return self.at(multipliers)

    def reach(self, multipliers: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """The largest value of the weighted rows over all segmentations."""
        return self.problem.reach(torch.from_numpy(multipliers)).cpu().numpy()


@dataclass(frozen=True)
class TiltedPoint:
    """Where multipliers lead; a `box_newton.Point`."""

    problem: DualProblem
    multipliers: Float[Tensor, "B N"]
    probs: Float[Tensor, "B C n"]
    measured: Float[np.ndarray, "B N"]

    def curvature(self) -> Float[np.ndarray, "B N N"]:
        """Derivative of what is measured by the multipliers."""
        return self.problem.curvature(self.probs).cpu().numpy()

    def written(self) -> tuple[Float[Tensor, "B C n"], Float[np.ndarray, " B"]]:
        """The distributions, and the sum over cells of mass times log-sum-exp."""
        return self.probs, self.problem.normaliser(self.multipliers, self.probs).cpu().numpy()
