"""Evaluation of the dual in torch.

It serves any rows, many images and any device.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.projection.dual_problem import DualProblem


@dataclass(frozen=True)
class TorchDual:
    """Duals of images side by side; a `newton.Dual`.

    Computed in the precision of the problem.
    """

    problem: DualProblem

    def at(self, multipliers: Float[np.ndarray, "B N"]) -> "TorchPoint":
        """Distributions of all cells, kept for the curvature."""
        given = torch.from_numpy(multipliers)
        probs = self.problem.probs(given)
        return TorchPoint(self.problem, given, probs, self.problem.measured(probs).cpu().numpy())

    def final_at(self, multipliers: Float[np.ndarray, "B N"]) -> "TorchPoint":
        """The same point: its distributions exist already."""
        return self.at(multipliers)

    def support(self, multipliers: Float[np.ndarray, "B N"]) -> Float[np.ndarray, " B"]:
        """Support function: largest value of the weighted rows."""
        return self.problem.support(torch.from_numpy(multipliers)).cpu().numpy()


@dataclass(frozen=True)
class TorchPoint:
    """Distributions at some multipliers; a `newton.Point`."""

    problem: DualProblem
    multipliers: Float[Tensor, "B N"]
    probs: Float[Tensor, "B C n"]
    measured: Float[np.ndarray, "B N"]

    def curvature(self) -> Float[np.ndarray, "B N N"]:
        """Derivative of the row values by the multipliers."""
        return self.problem.curvature(self.probs).cpu().numpy()

    def distributions(self) -> tuple[Float[Tensor, "B C n"], Float[np.ndarray, " B"]]:
        """Distributions, and the sum of mass times log-sum-exp."""
        return self.probs, self.problem.normaliser(self.multipliers, self.probs).cpu().numpy()
