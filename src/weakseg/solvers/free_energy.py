"""The free energy of one picture, and where its linearisation leads: all that mean field asks."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.solvers.held_rows import Everything, HeldRows
from weakseg.types import Energy, Evidence, Memory


@dataclass(frozen=True)
class FreeEnergy:
    """Equation 55 of a batch of one, with what missed rows cost, among the distributions that are allowed."""

    energy: Energy
    weight: float
    scores: Float[Tensor, "1 C H W"]
    """Logarithms of the prediction."""
    evidence: Evidence
    allowed: Everything | HeldRows

    def __call__(self, probs: Float[Tensor, "1 C H W"]) -> Float[Tensor, " 1"]:
        """Nats per valid pixel."""
        apart = (torch.xlogy(probs, probs) - probs * self.scores).sum(1)
        valid = self.evidence.weak.valid
        mean = torch.where(valid, apart, 0).sum((1, 2)) / valid.sum()
        return self.weight * self.energy(probs, self.evidence) + mean + self.allowed.cost(probs)

    def aim(self, probs: Float[Tensor, "1 C H W"], memory: Memory) -> tuple[Float[Tensor, "1 C H W"], Memory]:
        """Where the linearised energy would take every pixel, equation 56, or the rows let it, equation 65."""
        with torch.enable_grad():
            free = probs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(free, self.evidence).sum(), free)
        tilted = self.scores - self.weight * self.evidence.weak.valid.sum() * slope
        return self.allowed.nearest(tilted, memory)
