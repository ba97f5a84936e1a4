"""Extended log-barrier on linear rows."""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import Constraint
from weakseg.energies.row_misses import row_misses
from weakseg.types import Evidence


@dataclass(frozen=True)
class LogBarrier:
    r"""Log-barrier that is finite for violated rows, equation `log-barrier`.

    z is the violation as a fraction.

    .. math:: \psi_t(z) = -\tfrac1t \log(-z) \text{ for } z \le -1/t^2,\quad
              t z - \tfrac1t \log(1/t^2) + \tfrac1t \text{ else}

    Kervadec et al. 2022, whose sharpness t grows by a tenth each epoch from 5: give later phases larger ones.
    """

    constraint: Constraint
    """The constraint that should hold, or several in `All`; prices are ignored."""
    sharpness: float = 5.0
    """Sharpness t, above 0: the larger it is, the less a satisfied row costs, and the more a violated one."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """Mean over rows; 0 without rows.

        So many rows weigh no more than one.
        """
        return torch.stack([self._mean(misses) for misses in row_misses(self.constraint, probs, evidence)])

    def _mean(self, misses: Float[Tensor, " N"]) -> Float[Tensor, ""]:
        t = self.sharpness
        inside = misses <= -1 / t**2
        # The logarithm must not see what it is not used for: its gradient there would be NaN.
        room = torch.where(inside, -misses, 1.0)
        straight = t * misses - log(1 / t**2) / t + 1 / t
        return torch.where(inside, -room.log() / t, straight).sum() / max(len(misses), 1)
