"""Soft self-labelling by gradient descent.

The segmentation agrees with seeds, prediction and edges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.energies.grid_potts import GridPotts
from weakseg.energies.relaxations import CollisionDivergence
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import Known, allowed_classes, known_cells
from weakseg.grids.pooling import side_in_cells
from weakseg.grids.working_grid import FINEST_PX, LEAST, on_grid, working_grid
from weakseg.types import UNLABELED, Evidence, Memory, Solution

_LEAST_START = -7.0
"""Lowest initial logit relative to the largest of its cell: at a probability of 0 no slope is left."""

_NOISE = 1e-5
"""Slope in nats below which a step is shortened, so that rounding does not make full steps."""

_TAIL = 10
"""The last one of this many parts of the steps tells whether the descent has converged."""


@dataclass(frozen=True)
class SoftSelfLabels:
    r"""Soft segmentation by descent on a relaxed energy, equation `soft-self-labels`.

    It stays near seeds, prediction and edges.

    .. math:: F(y) = \frac{\lambda}{n} \sum_{i \in U} -\log \sum_k q_i^k y_i^k
              + \frac{\sqrt N}{n} \sum_{ij} w_{ij} P(y_i, y_j)

    over distributions y, with P the relaxation of `potts`, n the valid cells of the view and N those of the whole
    image, so that crops have the boundaries that their image has. A cell with seeds has the labelled classes in
    proportion, classes that may not appear have probability 0, invalid cells take no part.

    Gradient steps go over the logits of y, all images at once and each as if alone (Adam, with a rate that falls to 0
    along half a cosine), from the prediction. The answer is the best y on the way, the prediction itself included, so F
    never rises. No bound says how near it is to the lowest F: only `Quadratic` and `TotalVariation` make F convex.

    `certificate`: `first_energy`, F of the prediction with the seeds in it; and `last_drop`, by how much the last tenth
    of the steps still lowered F.

    Zhang and Boykov 2025, with collision cross entropy; docs/theory.md has their weights in these units.

    Raises:
        RecipeInvalid: the weight is negative or not finite, the rate is not above 0, or steps or pixels are not whole
            numbers from 1.
    """

    potts: GridPotts = GridPotts(relaxation=CollisionDivergence(floor=1e-6))
    """The Potts energy of neighbours, with the `relaxation` that unsure ones pay."""
    prediction_weight: float = 1.6
    """lambda, finite and 0 or above: what the mean disagreement with the prediction counts, per nat, against the Potts
    energy, in which a sure boundary costs 1 by any relaxation. 1.6 is published, for the default `potts` on VOC."""
    steps: int = 200
    """Number of gradient steps, 1 or more."""
    rate: float = 0.3
    """Largest change of a logit in the first step, in nats, above 0."""
    only_classes_present: bool = True
    """Only classes with a seed or a `PRESENT` tag may appear; if there is none, those not tagged `ABSENT`."""
    cell_px: int | None = None
    """Side of the cells in pixels, 1 or more; `None` takes the grid of the logits, or cells of 4 pixels where that is
    finer."""

    def __post_init__(self):
        whole = [number for number in (self.steps, self.cell_px) if number is not None]
        sound = 0 <= self.prediction_weight < inf and 0 < self.rate < inf
        if not sound or not all(isinstance(number, int) and number >= 1 for number in whole):
            raise RecipeInvalid(
                f"SoftSelfLabels(prediction_weight={self.prediction_weight}, steps={self.steps}, rate={self.rate}, "
                f"cell_px={self.cell_px})",
                expected="a finite weight from 0, a finite rate above 0, steps and pixels in whole numbers from 1",
            )

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The segmentation of each image.

        It is on the grid of the logits or of `cell_px`.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite, or seeds are of no class; the images are named.
        """
        require_finite(evidence)
        grid, dtype = working_grid(evidence, self.cell_px, FINEST_PX), evidence.log_probs.dtype
        known = known_cells(evidence.weak, evidence.log_probs.shape[1], grid)
        given = on_grid(evidence.log_probs.detach().double(), evidence.weak.valid, grid).clamp(min=LEAST)
        allowed = self._allowed(evidence)[:, :, None, None]
        # Normalised among the allowed classes; finite again, since the descent differentiates through these numbers.
        given = given.where(allowed, -inf).log_softmax(1).clamp(min=LEAST)
        labelled = torch.zeros_like(given) if known.labelled is None else known.labelled.double()
        energy = self._energy(evidence, known, given, labelled)
        # The softmax is flat where a logit is far below the others: such a class could never come back.
        begin = torch.maximum(given, given.amax(1, keepdim=True) + _LEAST_START).where(allowed, LEAST)
        found, trace = descend(energy, given, begin, self.steps, self.rate)
        late = max(self.steps - -(-self.steps // _TAIL), 0)
        numbers = {"first_energy": trace[0], "last_drop": trace[late] - trace[-1]}
        return Solution(
            target=_with_seeds(found, labelled).to(dtype),
            weight=(known.valid > 0).to(dtype),
            energy=trace[-1].to(dtype),
            status=tuple(
                f"{self.steps} gradient steps; the last {self.steps - late} lowered the energy by {drop:.2g}."
                for drop in numbers["last_drop"].tolist()
            ),
            certificate=numbers,
        )

    def _allowed(self, evidence: Evidence) -> Bool[Tensor, "B C"]:
        weak = evidence.weak
        seeds = torch.where(weak.valid, weak.seeds, UNLABELED)
        each = [allowed_classes(seeds[i], weak.tags[i], self.only_classes_present) for i in range(len(seeds))]
        return torch.stack(each).to(seeds.device)

    def _energy(
        self, evidence: Evidence, known: Known, given: Float[Tensor, "B C h w"], labelled: Float[Tensor, "B C h w"]
    ) -> Callable[[Float[Tensor, "B C h w"]], Float[Tensor, " B"]]:
        """Energy as a function of log-probabilities, per image."""
        grid = (given.shape[2], given.shape[3])
        cells = known.valid.double().sum((1, 2)).clamp(min=1e-6)
        potts = self.potts.built(evidence, grid)
        # `GridPotts` divides by the root of this view's cells; equation `soft-self-labels` wants the root of the whole
        # image's over them.
        crop = side_in_cells(evidence.weak, grid).to(given) / cells.sqrt()
        share = (
            # Labelled cells are fixed, so their disagreement with the prediction is a constant.
            torch.where(labelled.sum(1) > 0, 0, known.unlabelled.double())
            * (self.prediction_weight / cells)[:, None, None]
        )

        def energy(logs: Float[Tensor, "B C h w"]) -> Float[Tensor, " B"]:
            apart = -(share * (given + logs).logsumexp(1)).sum((1, 2))
            return apart + crop * potts(_with_seeds(logs, labelled))

        return energy


def descend(
    energy: Callable[[Float[Tensor, "B C h w"]], Float[Tensor, " B"]],
    given: Float[Tensor, "B C h w"],
    begin: Float[Tensor, "B C h w"],
    steps: int,
    rate: float,
) -> tuple[Float[Tensor, "B C h w"], list[Float[Tensor, " B"]]]:
    """Lowest energy found by gradient steps over logits.

    Each image descends as if alone.

    Args:
        energy: of log-probabilities, one value an image.
        given: log-probabilities that the answer is never worse than.
        begin: logits where the steps begin.
        steps: how many are taken.
        rate: of the first step; it falls to 0 along half a cosine.

    Returns:
        Log-probabilities, and the lowest energy so far before each step and after the last.
    """
    best, lowest = given, energy(given)
    logits, mean, square, trace = begin.clone(), torch.zeros_like(begin), torch.zeros_like(begin), [lowest]
    cells = given.shape[2] * given.shape[3]
    for step in range(steps):
        with torch.enable_grad():
            free = logits.requires_grad_()
            logs = free.log_softmax(1)
            values = energy(logs)
            # In nats per cell, so that what counts as noise does not depend on the image's size.
            slope = torch.autograd.grad(values.sum(), free)[0] * cells
        # The best state on the way and not the last: Adam does not descend at every step.
        best, lowest = _better(best, lowest, logs.detach(), values.detach())
        trace.append(lowest)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope.square()
        # Adam's correction of both means for having begun at 0, with decays of 0.9 and 0.99.
        unbiased = (square / (1 - 0.99 ** (step + 1))).sqrt() + _NOISE
        length = rate * (1 + cos(pi * step / steps)) / 2
        logits = logits.detach() - length * mean / (1 - 0.9 ** (step + 1)) / unbiased
    logs = logits.log_softmax(1)
    best, lowest = _better(best, lowest, logs, energy(logs))
    # The first step's energy belongs to the start of the descent, not to a step.
    return best, [trace[0], *trace[2:], lowest]


def _better(best: Tensor, lowest: Tensor, tried: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The better of two states, per image."""
    lower = values < lowest
    return torch.where(lower[:, None, None, None], tried, best), torch.where(lower, values, lowest)


def _with_seeds(logs: Float[Tensor, "B C h w"], labelled: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """Probabilities, with the labelled classes in labelled cells."""
    share = labelled.sum(1, keepdim=True)
    return torch.where(share > 0, labelled / share.clamp(min=1e-12), logs.exp())
