r"""Training losses: plain callables (logits, batch) -> scalar.

`Fit` is the method of both papers in two lines: a solver finds the hidden segmentation (stage A), a divergence
pulls the network to it (stage B). The one normalisation, equation `loss` of docs/theory.md:

.. math:: L = \frac1B \sum_b \Big[ \frac1{|S_b|}\sum_{i \in S_b} D_{seed}(y_i, f_i)
          + w \, \frac1{|U_b|}\sum_{i \in U_b} w_i D(y_i, f_i) \Big]

with S the marked and U the hidden (valid, unmarked) pixels of an image. An image without seeds or without hidden
pixels drops that term, so every loss is >= 0, finite, and the same whatever else is in the batch.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.grids.pooling import classes_per_cell, pooled, share_per_cell
from weakseg.losses.divergences import CrossEntropy, precise
from weakseg.losses.solve_log import tell
from weakseg.types import PRESENT, UNLABELED, Batch, Divergence, Energy, Evidence, Objective, Solution, Solver

FINER = 4
"""How many times finer than the logits, at most, the grid is on which what is remembered is compared."""


@dataclass(frozen=True)
class Fit:
    """Stage A then stage B: solve for the hidden segmentation, then measure how far the network is from it."""

    solver: Solver
    """Stage A: what finds the hidden segmentation, from the prediction and the weak labels."""
    divergence: Divergence = CrossEntropy()
    """The divergence on unlabelled pixels, where the target may be wrong."""
    seed_divergence: Divergence = CrossEntropy()
    """The divergence on labelled pixels, always on the labels' own grid."""
    weight: float = 1.0
    """Weight of the unlabelled pixels' mean relative to that of the labelled pixels."""

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The mean over the batch's images; solves only where the batch carries no targets."""
        logits = _checked(logits, batch)
        return (self._seed_term(logits, batch) + self.weight * self._hidden_term(logits, batch)).mean()

    def solution(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Solution:
        """Stage A: the hidden segmentation that the solver finds beside these logits."""
        evidence = Evidence(batch.image, _checked(logits, batch).detach().log_softmax(1), batch.weak, batch.keys)
        solution = self.solver.solve(evidence)
        tell(batch.keys, solution)
        return solution

    def _seed_term(self, logits, batch):
        marked, log_probs = marked_log_probs(logits, batch)
        # Marked pixels alone are computed, a few percent of all.
        target = F.one_hot(batch.weak.seeds[marked], logits.shape[1]).to(log_probs.dtype)
        # A divergence works pixel by pixel, so the marked pixels of all images may stand in one column.
        values = self.seed_divergence(target.T[None, :, :, None], log_probs.T[None, :, :, None]).flatten()
        total = values.new_zeros(len(marked)).index_add(0, marked.nonzero()[:, 0], values)
        # The mean of each image by itself, equation `loss`; an image without marks has 0 here and still counts in the
        # batch.
        return total / marked.flatten(1).sum(1).clamp(min=1)

    def _hidden_term(self, logits, batch):
        with torch.no_grad():
            target, teaching, hidden = self._hidden_segmentation(logits, batch)
        # A zero that is part of the graph, because `backward` fails on a loss without a gradient.
        if not teaching.any():
            return logits.sum() * 0
        log_probs = resized(logits, hidden.shape[1:]).log_softmax(1)
        # Divided by the hidden pixels and not by their weights: a pixel that teaches half counts half.
        values = teaching * self.divergence(target, log_probs)
        return values.flatten(1).sum(1) / hidden.flatten(1).sum(1).clamp(min=1e-6)

    def _hidden_segmentation(self, logits, batch):
        """Target, weight and unlabelled fraction of each cell: from the batch's targets, or solved for now."""
        targets, unmarked = batch.targets, batch.weak.hidden
        if not isinstance(targets, Tensor):
            solution = self.solution(logits, batch) if targets is None else targets
            hidden = share_per_cell(unmarked, solution.weight.shape[1:])
            return solution.target, hidden * solution.weight, hidden
        # Between logits nothing happens that a quarter of their spacing would miss, and it is 16 times quicker.
        grid = (min(FINER * logits.shape[2], unmarked.shape[1]), min(FINER * logits.shape[3], unmarked.shape[2]))
        if targets.is_floating_point():
            shares = pooled(targets.to(logits.dtype) * unmarked[:, None], grid)
        else:
            shares = classes_per_cell(targets.where(unmarked, UNLABELED), logits.shape[1], grid).to(logits.dtype)
        # Stored targets of hidden pixels only, and of void ones none: their fraction of the cell is how much it
        # teaches.
        found = shares.sum(1)
        hidden = share_per_cell(unmarked, grid)
        # A divergence may be infinite for no distribution, and 0 times infinity is no number.
        target = torch.where(found[:, None] > 0, shares / found[:, None].clamp(min=1e-6), 1 / shares.shape[1])
        return target, found.minimum(hidden), hidden


@dataclass(frozen=True)
class PartialDice:
    r"""Soft Dice loss over annotated pixels only, equation `partial-dice`.

    .. math:: 1 - \frac{1}{|K|} \sum_{k \in K}
              \frac{2 \sum_{i \in S} q_i^k [y_i = k] + s |S|}{\sum_{i \in S} q_i^k + \sum_{i \in S} [y_i = k] + s |S|}

    K: the classes marked in the image; s: the smoothing. An image without marks counts 0. Unmarked pixels never
    enter: neither as background nor through the sums.
    """

    weight: float = 1.0
    """Factor on the loss, which without it is from 0 to 1; for a `Sum`."""
    smoothing: float = 0.002
    """Added to both halves of the ratio, as a share of the image's marked pixels: a few marks must not dominate."""

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The mean over the batch's images."""
        marked, log_probs = marked_log_probs(_checked(logits, batch), batch)
        probs, image = log_probs.exp(), marked.nonzero()[:, 0]
        truth = F.one_hot(batch.weak.seeds[marked], logits.shape[1]).to(probs.dtype)
        per_image = lambda values: values.new_zeros(len(marked), logits.shape[1]).index_add(0, image, values)  # noqa: E731
        agreed, predicted, drawn = per_image(probs * truth), per_image(probs), per_image(truth)
        softening = self.smoothing * drawn.sum(1, keepdim=True)
        # A class that is neither marked nor predicted would be 0 / 0.
        dice = (2 * agreed + softening) / (predicted + drawn + softening).clamp(min=1e-6)
        present = drawn > 0
        loss = ((1 - dice) * present).sum(1) / present.sum(1).clamp(min=1)
        return self.weight * loss.mean()


@dataclass(frozen=True)
class Regularize:
    """Any differentiable energy as a loss: the gradient-descent baselines of the second paper, equation (8).

    Raises:
        RecipeInvalid: a weight that is negative or no number.
    """

    energy: Energy
    """What the network's probabilities should have little of; differentiable."""
    weight: float = 1.0
    """Factor on the energy's mean over the images, finite and 0 or above."""

    def __post_init__(self):
        if not 0 <= self.weight < inf:
            raise RecipeInvalid(f"Regularize(weight={self.weight})", expected="a finite weight of at least 0")

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The mean over the batch's images, on the logits' grid."""
        log_probs = _checked(logits, batch).log_softmax(1)
        evidence = Evidence(batch.image, log_probs.detach(), batch.weak)
        return self.weight * self.energy(log_probs.exp(), evidence).mean()


@dataclass(frozen=True)
class MultipleInstance:
    r"""Each tagged class at its one best pixel, equation `mil`: the MIL baseline.

    .. math:: -\frac{1}{|L|} \sum_{k \in L} \log \max_i q_i^k

    L: the classes tagged present. An image without tags counts 0. Pathak et al. 2014 ("MIL-FCN").
    """

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The mean over the batch's images."""
        log_probs = _checked(logits, batch).log_softmax(1)
        valid = share_per_cell(batch.weak.valid, logits.shape[2:]) > 0
        # An image without a valid cell has -inf here, and is left out of the mean below.
        best = log_probs.masked_fill(~valid[:, None], -torch.inf).flatten(2).amax(2)
        return _mean_over_tagged(-best, batch, valid)


@dataclass(frozen=True)
class SoftMultipleInstance:
    r"""Each tagged class by a smooth maximum of its scores, equation `soft-mil`: the soft MIL baseline.

    .. math:: s^k = \frac1r \log \frac1n \sum_i \exp(r f_i^k), \qquad
              -\frac{1}{|L|} \sum_{k \in L} \log \operatorname{softmax}(s)^k

    Pinheiro and Collobert 2015.
    """

    sharpness: float = 5.0
    """r of the smooth maximum, above 0: near 0 the mean, large the maximum."""

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The mean over the batch's images."""
        logits = _checked(logits, batch)
        valid = share_per_cell(batch.weak.valid, logits.shape[2:]) > 0
        # Cells that do not count are left out by a number so low that its gradient is 0, and not NaN.
        scores = logits.masked_fill(~valid[:, None], -1e9).flatten(2)
        cells = valid.flatten(1).sum(1, keepdim=True).clamp(min=1)
        smooth = ((self.sharpness * scores).logsumexp(2) - cells.log()) / self.sharpness
        return _mean_over_tagged(-smooth.log_softmax(1), batch, valid)


@dataclass(frozen=True)
class Sum:
    """Several objectives at once; weights belong to the terms."""

    terms: tuple[Objective, ...]
    """What is added, in any order; at least one."""

    def __call__(self, logits: Float[Tensor, "B C h w"], batch: Batch) -> Float[Tensor, ""]:
        """The sum of the terms."""
        return torch.stack([term(logits, batch) for term in self.terms]).sum()


def _checked(logits: Any, batch: Any) -> Float[Tensor, "B C h w"]:
    """Logits that fit the batch, in float32 at least.

    Raises:
        EvidenceInvalid: they are no tensor, or of other images or classes; says what a network's output is instead.
    """
    if not isinstance(batch, Batch):
        expected = "a weakseg.Batch as the second argument: Batch.of(image, n_classes, seeds=seeds)"
        raise EvidenceInvalid(f"the batch is of type {type(batch).__name__}", expected=expected)
    if not isinstance(logits, Tensor):
        raise EvidenceInvalid(
            f"the logits are of type {type(logits).__name__}",
            expected="one tensor: image of the batch, class, row, column",
            fix="give the network's own scores: output.logits of transformers, output['out'] of torchvision, output[0]"
            " of a tuple",
        )
    images, classes = batch.weak.tags.shape
    one = logits.shape[1:2] == (1,)
    if one or logits.dim() != 4 or logits.shape[:2] != (images, classes) or not logits.is_floating_point():
        # Softmax over one class is 1 everywhere, whatever the network says.
        binary = " A network of one output for two classes needs a second one." if one else ""
        raise EvidenceInvalid(
            f"logits of {tuple(logits.shape)}, {logits.dtype}, for {images} images and {classes} classes",
            expected=f"floating point of ({images}, {classes}, rows, columns)",
            fix=f"make the network's outputs and n_classes the same number.{binary}",
        )
    return precise(logits)


def resized(logits: Float[Tensor, "B C h w"], size: tuple[int, ...]) -> Float[Tensor, "B C H W"]:
    """Logits on another grid: bilinear, pixel edges aligned (`align_corners=False`)."""
    if logits.shape[2:] == tuple(size):
        return logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def marked_log_probs(
    logits: Float[Tensor, "B C h w"], batch: Batch
) -> tuple[Bool[Tensor, "B H W"], Float[Tensor, "N C"]]:
    """Which pixels are marked, and the log-probabilities there, image by image in row-major order."""
    seeds: Int[Tensor, "B H W"] = batch.weak.seeds
    marked = (seeds != UNLABELED) & batch.weak.valid
    at_labels = resized(logits, seeds.shape[1:]).movedim(1, -1)
    return marked, at_labels[marked].log_softmax(1)


def _mean_over_tagged(losses: Float[Tensor, "B C"], batch: Batch, valid: Bool[Tensor, "B h w"]) -> Float[Tensor, ""]:
    """The mean over tagged classes, then images; those without tags or without a valid cell count 0."""
    tagged = (batch.weak.tags == PRESENT) & valid.flatten(1).any(1)[:, None]
    return (torch.where(tagged, losses, 0).sum(1) / tagged.sum(1).clamp(min=1)).mean()
