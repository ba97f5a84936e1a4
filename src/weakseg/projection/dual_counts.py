"""Compiled evaluation of the dual for rows on whole images.

The multipliers then tilt all cells alike, and the ascent needs only C counts and a C x C covariance, however many rows
there are. Distributions are written only when the ascent has ended.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.projection.class_moments import moments, tilted
from weakseg.projection.dual_problem import DualProblem


@dataclass(frozen=True)
class ClassCounts:
    """Dual of one image on a CPU, a `newton.Dual`.

    Computed in float64 from scores of any precision.
    """

    scores: Float[np.ndarray, "C n"]
    mass: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, "N C"]

    def at(self, multipliers: Float[np.ndarray, "1 N"]) -> "CountedPoint":
        """Counts and covariance, in one pass over the cells."""
        counts, covariance = moments(self.scores, self.mass, multipliers[0] @ self.weights)
        return CountedPoint(self, multipliers, (self.weights @ counts)[None], covariance)

    def final_at(self, multipliers: Float[np.ndarray, "1 N"]) -> "FinalPoint":
        """Counts and distributions, in one pass over the cells."""
        probs, counts, normaliser = tilted(self.scores, self.mass, multipliers[0] @ self.weights)
        return FinalPoint(self, multipliers, (self.weights @ counts)[None], probs, normaliser)

    def sampled(self, count: int) -> "ClassCounts":
        """The problem on about `count` evenly spaced cells.

        A good starting point is soon found on few cells.
        """
        # Odd, so that it does not meet the same columns of images of the usual widths.
        step = self.scores.shape[1] // count | 1
        # The sample stands for the whole image, so the bounds, which are in cells, keep their meaning.
        mass = self.mass[::step] * (self.mass.sum() / max(self.mass[::step].sum(), 1e-9))
        return replace(self, scores=np.ascontiguousarray(self.scores[:, ::step]), mass=mass)

    def support(self, multipliers: Float[np.ndarray, "1 N"]) -> Float[np.ndarray, " 1"]:
        """Support function: largest value of the weighted rows."""
        tilt = (multipliers[0] @ self.weights)[:, None]
        # A deleted class may not be chosen, however large its tilt.
        highest = np.where(self.scores == -np.inf, -np.inf, tilt).max(0)
        return np.array([highest @ self.mass])


@dataclass(frozen=True)
class CountedPoint:
    """Counts at some multipliers, without distributions; a `newton.Point`."""

    dual: ClassCounts
    multipliers: Float[np.ndarray, "1 N"]
    measured: Float[np.ndarray, "1 N"]
    covariance: Float[np.ndarray, "C C"]

    def curvature(self) -> Float[np.ndarray, "1 N N"]:
        """Derivative of the row values by the multipliers."""
        return (self.dual.weights @ self.covariance @ self.dual.weights.T)[None]

    def distributions(self) -> tuple[Float[Tensor, "1 C n"], Float[np.ndarray, " 1"]]:
        """Distributions and log-partition, in a pass of their own."""
        return self.dual.final_at(self.multipliers).distributions()


@dataclass(frozen=True)
class FinalPoint:
    """Counts and distributions at some multipliers; a `newton.Point`."""

    dual: ClassCounts
    multipliers: Float[np.ndarray, "1 N"]
    measured: Float[np.ndarray, "1 N"]
    probs: Float[np.ndarray, "C n"]
    normaliser: float

    def curvature(self) -> Float[np.ndarray, "1 N N"]:
        """Derivative of the row values by the multipliers.

        It takes a pass of its own, because this was not the last point after all.
        """
        return self.dual.at(self.multipliers).curvature()

    def distributions(self) -> tuple[Float[Tensor, "1 C n"], Float[np.ndarray, " 1"]]:
        """Distributions in the scores' precision, and the log-partition.

        The log-partition is the sum over cells of mass times log-sum-exp.
        """
        return torch.from_numpy(self.probs)[None], np.array([self.normaliser])


def class_counts(problem: DualProblem) -> ClassCounts | None:
    """Compiled dual of one image, or `None` where unsupported.

    Rows about regions and tensors on other devices need `dual_torch`.
    """
    # With regions or dense rows the tilt differs from cell to cell, and class counts no longer suffice.
    if problem.maps is not None or problem.dense is not None:
        return None
    if len(problem.scores) != 1 or not problem.scores.is_cpu:
        return None
    scores = problem.scores[0]
    return ClassCounts(
        scores=(scores if scores.dtype in (torch.float32, torch.float64) else scores.float()).contiguous().numpy(),
        mass=problem.mass[0].double().numpy(),
        weights=problem.weights[0].double().numpy(),
    )
