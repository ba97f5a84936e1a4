"""The free energy of images, and its linearised minimiser."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.mean_field.feasible_set import LinearFeasible, Unconstrained
from weakseg.types import Memory


@dataclass(frozen=True)
class FreeEnergy:
    """Free energy of each image, equation `free-energy`, plus violation costs.

    It is defined on the feasible set.
    """

    energy: Callable[[Float[Tensor, "B C H W"]], Float[Tensor, " B"]]
    """The energy as a function of distributions alone."""
    weight: float
    scores: Float[Tensor, "B C H W"]
    """Log-probabilities of the prediction."""
    valid: Bool[Tensor, "B H W"]
    allowed: Unconstrained | LinearFeasible

    def __call__(self, probs: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """Free energy in nats per valid pixel.

        It is 0 where no pixel is valid.
        """
        # `xlogy` is 0 at probability 0. The scores are finite (seeds are at -1e4 instead of -inf), so that 0 times a
        # score is 0 as well.
        apart = (torch.xlogy(probs, probs) - probs * self.scores).sum(1)
        mean = torch.where(self.valid, apart, 0).sum((1, 2)) / self.valid.sum((1, 2)).clamp(min=1)
        return self.weight * self.energy(probs) + mean + self.allowed.cost(probs)

    def aim(self, probs: Float[Tensor, "B C H W"], memory: Memory) -> tuple[Float[Tensor, "B C H W"], Memory]:
        """Minimiser of the linearised free energy, equation `linearised`.

        Under rows it is that of equation `free-energy-rows`.
        """
        # Solvers run without gradients; only the slope of the energy is wanted here.
        with torch.enable_grad():
            free = probs.detach().requires_grad_()
            # One backward pass for all images: none's energy depends on another image, so the sum has each one's own
            # slope.
            (slope,) = torch.autograd.grad(self.energy(free).sum(), free)
        # The free energy is a mean over n valid pixels and the softmax acts on one pixel, hence the factor n.
        tilted = self.scores - self.weight * self.valid.sum((1, 2))[:, None, None, None] * slope
        return self.allowed.nearest(tilted, memory)
