"""The free energy of images, and where its linearisation leads: all that mean field asks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.mean_field.feasible_set import Everything, HeldRows
from weakseg.types import Memory


@dataclass(frozen=True)
class FreeEnergy:
    """Equation 55 of each image, with what missed rows cost, among the distributions that are allowed."""

    energy: Callable[[Float[Tensor, "B C H W"]], Float[Tensor, " B"]]
    """Of distributions, everything else at hand."""
    weight: float
    scores: Float[Tensor, "B C H W"]
    """Logarithms of the prediction."""
    valid: Bool[Tensor, "B H W"]
    allowed: Everything | HeldRows

    def __call__(self, probs: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """Nats per valid pixel; 0 where none is."""
        apart = (torch.xlogy(probs, probs) - probs * self.scores).sum(1)
        mean = torch.where(self.valid, apart, 0).sum((1, 2)) / self.valid.sum((1, 2)).clamp(min=1)
        return self.weight * self.energy(probs) + mean + self.allowed.cost(probs)

    def aim(self, probs: Float[Tensor, "B C H W"], memory: Memory) -> tuple[Float[Tensor, "B C H W"], Memory]:
        """Where the linearised energy would take every pixel, equation 56, or the rows let it, equation 65."""
        with torch.enable_grad():
            free = probs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(free).sum(), free)
        tilted = self.scores - self.weight * self.valid.sum((1, 2))[:, None, None, None] * slope
        return self.allowed.nearest(tilted, memory)
