r"""Dual of the projection onto linear rows, equations `dual` and `projected`.

docs/theory.md derives it.

The ascent needs three things: the distribution of some multipliers, the value of each row on it, and the derivative of
these values. All are sums over cells, so the cost is a few passes over classes x cells whatever the rows are. Axes: B
images, C classes, n cells, K factored rows, D dense rows, N = K + D rows, R maps.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class DualProblem:
    """Dual problems of images side by side.

    Rows that an image lacks have a price of 0 and no effect.
    """

    scores: Float[Tensor, "B C n"]
    """Log-probabilities times hardness; -inf where a class is deleted."""
    mass: Float[Tensor, "B n"]
    """Unlabelled fraction of each cell."""
    weights: Float[Tensor, "B K C"]
    bounds: Float[Tensor, "B N"]
    """Right-hand sides of the rows, in float64 as the prices are."""
    prices: Float[Tensor, "B N"]
    """Upper bounds of the multipliers; infinite for hard rows."""
    region: Int[Tensor, "B K"] | None = None
    """Index of the map that each factored row refers to; `None` where all rows refer to the whole image."""
    maps: Float[Tensor, "B R n"] | None = None
    """Maps that rows refer to: ones for the whole image, then the regions."""
    dense: Float[Tensor, "B D C n"] | None = None

    def to(self, dtype: torch.dtype) -> "DualProblem":
        """The same problem in another precision.

        Bounds and prices stay in float64.
        """
        # Bounds and prices are few and stay in float64: rounded to float32, a bound that is just reachable may become
        # infeasible.
        names = ("scores", "mass", "weights", "maps", "dense")
        held = {name: getattr(self, name) for name in names}
        return replace(self, **{name: None if value is None else value.to(dtype) for name, value in held.items()})

    def scaled(self, share: Float[Tensor, " B"]) -> "DualProblem":
        """The problem with scores scaled by a factor per image.

        Prices and multipliers are scaled alike.
        """
        share = share.to(self.prices)[:, None]
        return replace(self, scores=self.scores * share[:, :, None].to(self.scores), prices=self.prices * share)

    def tilt(self, multipliers: Float[Tensor, "B N"]) -> Float[Tensor, "B C _"]:
        """Dual bias: what the multipliers add to the scores.

        It has one column where it is the same at all cells.
        """
        multipliers = multipliers.to(self.scores)
        factored = multipliers[:, : self.weights.shape[1]]
        if self.maps is None or self.region is None:
            tilt = (factored[:, None] @ self.weights).mT
        else:
            per_map = self.weights.new_zeros(len(factored), self.maps.shape[1], self.weights.shape[2])
            at = self.region[:, :, None].expand_as(self.weights)
            per_map = per_map.scatter_add(1, at, factored[:, :, None] * self.weights)
            tilt = per_map.mT @ self.maps
        if self.dense is None:
            return tilt
        rest = multipliers[:, self.weights.shape[1] :]
        return tilt + torch.einsum("bd,bdcn->bcn", rest, self.dense)

    def probs(self, multipliers: Float[Tensor, "B N"]) -> Float[Tensor, "B C n"]:
        """Softmax of the tilted scores, equation `projected`.

        It is the distribution nearest to the prediction among those with the same row values.
        """
        return (self.scores + self.tilt(multipliers)).softmax(1)

    def measured(self, probs: Float[Tensor, "B C n"]) -> Float[Tensor, "B N"]:
        """Value of each row, in cells, in float64."""
        if self.maps is None or self.region is None:
            # Summed in the given precision, and in float64 from here on: differences of bounds and values are what the
            # ascent looks at.
            counts = (probs @ self.mass[:, :, None]).mT.double()
            values = (self.weights.double() @ counts.mT)[:, :, 0]
        else:
            counts = ((self.maps * self.mass[:, None]) @ probs.mT).double()
            at = self.region[:, :, None].expand_as(self.weights)
            values = (self.weights.double() * counts.gather(1, at)).sum(2)
        if self.dense is None:
            return values
        return torch.cat([values, torch.einsum("bdcn,bcn,bn->bd", self.dense, probs, self.mass).double()], 1)

    def curvature(self, probs: Float[Tensor, "B C n"]) -> Float[Tensor, "B N N"]:
        """Covariance of the rows, summed over cells.

        It is the derivative of the row values by the multipliers.
        """
        weighted = probs * self.mass[:, None]
        if self.dense is None and (self.maps is None or self.region is None):
            # Rows about the whole image need the covariance of classes only, however many rows there are.
            between = torch.diag_embed(weighted.sum(2)) - weighted @ probs.mT
            weights = self.weights.double()
            return weights @ between.double() @ weights.mT
        rows, cells = self.bounds.shape[1], self.scores.shape[2]
        total, mean = weighted.new_zeros(len(probs), rows, rows), weighted.new_zeros(len(probs), rows, cells)
        for label in range(probs.shape[1]):
            # Most rows are about one class, and cost nothing at the others.
            about = self._rows_about(label)
            of_class = self.coefficients(label, about)
            total[:, about[:, None], about] += (of_class * weighted[:, [label]]) @ of_class.mT
            mean[:, about] += of_class * probs[:, [label]]
        return (total - (mean * self.mass[:, None]) @ mean.mT).double()

    def support(self, multipliers: Float[Tensor, "B N"]) -> Float[Tensor, " B"]:
        r"""Support function: largest value of the weighted rows.

        :math:`\sum_i v_i \max_k (A^\top\mu)_i^k` over all segmentations.
        """
        # A deleted class is not among the segmentations, and its tilt must not be the largest.
        tilt = torch.where(self.scores == -torch.inf, -torch.inf, self.tilt(multipliers))
        return (tilt.amax(1).double() * self.mass.double()).sum(1)

    def normaliser(self, multipliers: Float[Tensor, "B N"], probs: Float[Tensor, "B C n"]) -> Float[Tensor, " B"]:
        """Sum over cells of mass times log-sum-exp.

        `probs` must be those of the same multipliers.
        """
        # The log-sum of a cell from its likeliest class: no exponential has to be taken again.
        each = (self.scores + self.tilt(multipliers)).amax(1) - probs.amax(1).log()
        return (each.double() * self.mass.double()).sum(1)

    def _rows_about(self, label: int) -> Int[Tensor, " M"]:
        """Rows with coefficients for a class, in any image."""
        about = (self.weights[:, :, label] != 0).any(0)
        every = torch.ones(self.bounds.shape[1] - len(about), dtype=torch.bool, device=about.device)
        return torch.cat([about, every]).nonzero().flatten()

    def coefficients(self, label: int, rows: Int[Tensor, " M"]) -> Float[Tensor, "B M n"]:
        """Coefficients of some rows for one class, in order."""
        count = self.weights.shape[1]
        factored, rest = rows[rows < count], rows[rows >= count] - count
        weights = self.weights[:, factored, label][:, :, None]
        if self.maps is None or self.region is None:
            parts = [weights.expand(-1, -1, self.scores.shape[2])]
        else:
            at = self.region[:, factored, None].expand(-1, -1, self.maps.shape[2])
            parts = [weights * self.maps.gather(1, at)]
        if self.dense is not None:
            parts.append(self.dense[:, rest, label])
        return torch.cat(parts, 1)
