"""What the ascent asks of a problem, where all rows are about the whole image: counts of classes, compiled.

The multipliers then tilt all cells alike, and of the cells only C counts and a C x C covariance are asked,
however many rows there are. Nothing is written down until the ascent has ended.
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
    """One image on the CPU, computed in float64 from scores of any precision; a `box_newton.Dual`."""

    scores: Float[np.ndarray, "C n"]
    mass: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, "N C"]

    def at(self, multipliers: Float[np.ndarray, "1 N"]) -> "CountedPoint":
        """One pass over the cells, for counts and covariance at once."""
        counts, covariance = moments(self.scores, self.mass, multipliers[0] @ self.weights)
        return CountedPoint(self, multipliers, (self.weights @ counts)[None], covariance)

    def last_at(self, multipliers: Float[np.ndarray, "1 N"]) -> "WrittenPoint":
        """One pass over the cells, for counts and distributions at once."""
        probs, counts, normaliser = tilted(self.scores, self.mass, multipliers[0] @ self.weights)
        return WrittenPoint(self, multipliers, (self.weights @ counts)[None], probs, normaliser)

    def sampled(self, count: int) -> "ClassCounts":
        """About so many of the cells, evenly spread, standing for all: where to begin is soon found on few."""
        # Odd, so that it does not meet the same columns of images of the usual widths.
        step = self.scores.shape[1] // count | 1
        mass = self.mass[::step] * (self.mass.sum() / max(self.mass[::step].sum(), 1e-9))
        return replace(self, scores=np.ascontiguousarray(self.scores[:, ::step]), mass=mass)

    def reach(self, multipliers: Float[np.ndarray, "1 N"]) -> Float[np.ndarray, " 1"]:
        """The largest value of the weighted rows over all segmentations."""
        tilt = (multipliers[0] @ self.weights)[:, None]
        highest = np.where(self.scores == -np.inf, -np.inf, tilt).max(0)
        return np.array([highest @ self.mass])


@dataclass(frozen=True)
class CountedPoint:
    """Where multipliers lead, with nothing written down; a `box_newton.Point`."""

    dual: ClassCounts
    multipliers: Float[np.ndarray, "1 N"]
    measured: Float[np.ndarray, "1 N"]
    covariance: Float[np.ndarray, "C C"]

    def curvature(self) -> Float[np.ndarray, "1 N N"]:
        """Derivative of what is measured by the multipliers."""
        return (self.dual.weights @ self.covariance @ self.dual.weights.T)[None]

    def written(self) -> tuple[Float[Tensor, "1 C n"], Float[np.ndarray, " 1"]]:
        """As `WrittenPoint`, in a pass of its own."""
        return self.dual.last_at(self.multipliers).written()


@dataclass(frozen=True)
class WrittenPoint:
    """Where multipliers lead, written down; a `box_newton.Point`."""

    dual: ClassCounts
    multipliers: Float[np.ndarray, "1 N"]
    measured: Float[np.ndarray, "1 N"]
    probs: Float[np.ndarray, "C n"]
    normaliser: float

    def curvature(self) -> Float[np.ndarray, "1 N N"]:
        """Derivative of what is measured by the multipliers, in a pass of its own: it was not the last point."""
        return self.dual.at(self.multipliers).curvature()

    def written(self) -> tuple[Float[Tensor, "1 C n"], Float[np.ndarray, " 1"]]:
        """The distribution in the scores' precision, and the sum over cells of mass times log-sum-exp."""
        return torch.from_numpy(self.probs)[None], np.array([self.normaliser])


def class_counts(problem: DualProblem) -> ClassCounts | None:
    """One image's problem in this form; `None` where it has rows about regions, or is elsewhere."""
    if problem.maps is not None or problem.dense is not None:
        return None
    if len(problem.scores) != 1 or problem.scores.device.type != "cpu":
        return None
    scores = problem.scores[0]
    return ClassCounts(
        scores=(scores if scores.dtype in (torch.float32, torch.float64) else scores.float()).contiguous().numpy(),
        mass=problem.mass[0].double().numpy(),
        weights=problem.weights[0].double().numpy(),
    )
