"""Entropy: predictions should be sure on unlabelled pixels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence


@dataclass(frozen=True)
class Entropy:
    r"""Mean Shannon entropy of the unlabelled pixels, equation `entropy`.

    .. math:: E(P) = -\frac{1}{|U|} \sum_{i \in U} \sum_k p_i^k \log p_i^k

    U are the valid unlabelled pixels. It makes predictions sure, right or wrong: begin when they are mostly right.
    Grandvalet and Bengio 2005.
    """

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """Entropy in nats, in [0, log C].

        It is on the grid of `probs`, and 0 where every pixel is labelled.
        """
        hidden = share_per_cell(evidence.weak.hidden, probs.shape[2:]).to(probs)
        # The logarithm of an underflow would be infinite and its gradient NaN; rounding may bring a 1 above it.
        surprise = -probs.clamp(torch.finfo(probs.dtype).tiny, 1).log()
        entropy = (probs * surprise).sum(1)
        return (hidden * entropy).sum((1, 2)) / hidden.sum((1, 2)).clamp(min=1e-6)
