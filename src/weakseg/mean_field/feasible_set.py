"""Feasible sets of mean field: unconstrained, or linear rows."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import LinearRows
from weakseg.projection.certificate import violated
from weakseg.projection.dual_projection import RELAXED_PRICE, DualProjection
from weakseg.types import Evidence, Memory, Solution, WeakLabels


@dataclass(frozen=True)
class Unconstrained:
    """The set of all distributions, at no cost."""

    start: Memory = Memory()

    def nearest(self, scores: Float[Tensor, "B C H W"], start: Memory) -> tuple[Float[Tensor, "B C H W"], Memory]:
        """Softmax of the scores."""
        return scores.softmax(1), start

    def cost(self, probs: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """Zero."""
        return probs.new_zeros(len(probs))

    def certificate(self, probs: Float[Tensor, "1 C H W"]) -> dict[str, float]:
        """An empty certificate."""
        return {}

    def sentence(self, probs: Float[Tensor, "1 C H W"]) -> str:
        """An empty sentence."""
        return ""


@dataclass(frozen=True)
class LinearFeasible:
    """Distributions that satisfy the linear rows of one image.

    Rows refer to the labels' pixels. Hard rows hold; priced ones cost what they are violated by.
    """

    rows: LinearRows
    evidence: Evidence
    """A batch of one."""
    start: Memory
    """Multipliers of the projection of the prediction."""
    contradiction: float = 0.0
    """Measure of infeasibility, as in the certificate of `DualProjection`; where it is above 0, all rows have a
    price."""
    contradicted: str = ""
    """Sentence that names the infeasible rows."""

    def nearest(self, scores: Float[Tensor, "1 C H W"], start: Memory) -> tuple[Float[Tensor, "1 C H W"], Memory]:
        """Projection of the scores' softmax, and its multipliers, equation `projection`."""
        found = _projection(self.rows, self.evidence, scores, start)
        return found.target, found.memory

    def cost(self, probs: Float[Tensor, "1 C H W"]) -> Float[Tensor, " 1"]:
        """Cost of violated rows, in nats per valid pixel."""
        return (self._missed(probs) @ _finite(self.rows.prices)).to(probs).reshape(1)

    def certificate(self, probs: Float[Tensor, "1 C H W"]) -> dict[str, float]:
        """Violation, slack and contradiction, as of `DualProjection`."""
        # Priced rows may be violated by as much as they pay for, so only hard ones count as a violation.
        hard = torch.where(self.rows.prices.isinf(), self._missed(probs), 0)
        violation = max(hard.tolist(), default=0.0)
        return {"violation": violation, "slack": self.cost(probs).item(), "contradiction": self.contradiction}

    def sentence(self, probs: Float[Tensor, "1 C H W"]) -> str:
        """Sentence on violated or infeasible rows."""
        return f"{self.contradicted or violated(self.rows.names, self._missed(probs).numpy())} "

    def _missed(self, probs):
        """Violation of each row, as a fraction of valid pixels."""
        valid = self.evidence.weak.valid[0]
        values = self.rows.values(probs[0].double(), valid.double()).cpu()
        return (self.rows.bounds - values).clamp(min=0) / max(int(valid.sum()), 1)


def linear_feasible(
    rows: LinearRows, evidence: Evidence, scores: Float[Tensor, "1 C H W"], start: Memory
) -> LinearFeasible:
    """Feasible set of a batch of one.

    Where the hard rows are infeasible, they have a price instead.
    """
    # The projection of the prediction itself decides whether the hard rows can hold at all: this does not depend on the
    # scores, so one test before the first step is enough for all later ones.
    found = _projection(rows, evidence, scores, start)
    contradiction = found.certificate["contradiction"].item()
    if not contradiction:
        return LinearFeasible(rows, evidence, found.memory)
    # The same price as in `DualProjection`, so that both violate the same rows. Without any price each step would
    # project onto an empty set.
    dearest = RELAXED_PRICE + max(_finite(rows.prices).tolist(), default=0.0)
    softer = replace(rows, prices=rows.prices.clamp(max=dearest))
    return LinearFeasible(softer, evidence, found.memory, contradiction, found.status[0])


def _projection(rows: LinearRows, evidence: Evidence, scores: Float[Tensor, "1 C H W"], start: Memory) -> Solution:
    return DualProjection(_FixedRows((rows,))).solve(replace(evidence, log_probs=scores), start)


@dataclass(frozen=True)
class _FixedRows:
    """A constraint made of ready rows.

    Building them at every step would cost as much as satisfying them.
    """

    each: tuple[LinearRows, ...]

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        return [*self.each]


def _finite(prices: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Prices, with 0 for hard rows."""
    # Not inf * 0, which is nan: a hard row that holds must cost nothing.
    return torch.where(prices.isinf(), 0, prices)
