r"""Stage B: how far a prediction is from a target, at every pixel.

A divergence takes a target distribution and log-probabilities and gives nats per pixel; it never averages,
because `Fit` owns the one normalisation everything shares (docs/theory.md, equation 3).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class CrossEntropy:
    r"""Cross entropy, equation 4: :math:`D(p, q)_i = -\sum_k p_i^k \log q_i^k`.

    Equals KL(p || q) up to the entropy of p, which the network cannot change; equal to it where p is one-hot.
    Pathak, Krähenbühl and Darrell 2015, equation (5); Marin and Boykov 2021, equation (19).
    """

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel."""
        # A class of probability 0 under both must cost 0, not 0 * inf.
        return -torch.where(target > 0, target * log_probs, 0).sum(1)
