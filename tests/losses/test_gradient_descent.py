"""Gradient descent is the special case of a linear energy and squared Euclidean distances (docs/theory.md)."""

from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from batches import batch_of
from torch import nn

from weakseg import Evidence, Fit, Memory, Regularize, Solution
from weakseg.energies import GridPotts
from weakseg.types import UNLABELED, Energy


@dataclass(frozen=True)
class LinearStep:
    """The minimiser of E(q) + grad E . (y - q) + |y - q|^2 / 2 alpha: (11) and (13) of the paper."""

    energy: Energy
    alpha: float

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """q - alpha grad E, which need not be a distribution."""
        with torch.enable_grad():
            probs = evidence.log_probs.exp().requires_grad_()
            energy = self.energy(probs, evidence)
            slope = torch.autograd.grad(energy.sum(), probs)[0]
        everywhere = torch.ones_like(evidence.log_probs[:, 0])
        target = probs.detach() - self.alpha * slope
        return Solution(target, everywhere, energy.detach(), ("one step",) * len(target))


@dataclass(frozen=True)
class SquaredEuclidean:
    """|y - q|^2 / 2: half of (15) of the paper."""

    def __call__(self, target, log_probs):
        """At each pixel."""
        return (target - log_probs.exp()).square().sum(1) / 2


@pytest.mark.parametrize("alpha", [0.01, 3.0])
def test_steps_of_fit_with_a_linear_energy_and_squared_distances_are_plain_gradient_steps(alpha):
    """Solving and following, (16) to (18), moves every weight of a network as differentiating E(q) does, (10).

    `Fit` takes the mean over n pixels where (15) takes the sum, and the step of stage A shrinks by alpha; the weight
    n / alpha undoes both.
    """
    batch = batch_of(torch.full((2, 6, 5), UNLABELED))
    energy = GridPotts()
    fit = Fit(LinearStep(energy, alpha), SquaredEuclidean(), weight=6 * 5 / alpha)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.Tanh(), nn.Conv2d(5, 4, 1)).double()
    trained = []
    for objective in (fit, Regularize(energy)):
        mine = deepcopy(network)
        for _ in range(4):
            mine.zero_grad()
            objective(mine(batch.image.double()), batch).backward()
            with torch.no_grad():
                for weights in mine.parameters():
                    weights -= 0.5 * weights.grad
        trained.append([*mine.parameters()])

    for solved, differentiated, start in zip(*trained, network.parameters(), strict=True):
        torch.testing.assert_close(solved, differentiated)
        assert not torch.allclose(solved, start, atol=1e-4)
