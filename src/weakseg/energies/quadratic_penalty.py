"""Squared violations of linear rows: the size loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import Constraint
from weakseg.energies.row_misses import row_misses
from weakseg.types import Evidence


@dataclass(frozen=True)
class QuadraticPenalty:
    r"""Squared violation of every row, equation `quadratic-penalty`.

    .. math:: E(P) = \sum_r \max(0, c_r - a_r \cdot P)^2 / n^2

    Violations are fractions, so the value does not depend on the resolution. Kervadec et al. 2019, equation (3), divide
    the squared pixels by n: their weight w is n w here. Prices play no part.
    """

    constraint: Constraint
    """The constraint that should hold, or several in `All`."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """Sum of squared fractions; 0 where every row holds."""
        return torch.stack(
            # Clamped before the square: room to spare is no violation.
            [misses.clamp(min=0).square().sum() for misses in row_misses(self.constraint, probs, evidence)]
        )
