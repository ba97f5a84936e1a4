"""The Potts model on a pixel grid.

Boundaries cost their length, and less where the image has an edge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.energies.contrast import ColorContrast, Contrast
from weakseg.energies.relaxations import Bilinear, Relaxation
from weakseg.errors import RecipeInvalid
from weakseg.grids.neighbours import STEPS, ends
from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence


@dataclass(frozen=True)
class GridPotts:
    r"""Weighted label changes between neighbours, equation `potts`.

    .. math:: E(y) = \frac{1}{\sqrt n} \sum_{ij} w_{ij} [y_i \ne y_j], \qquad w_{ij} = \text{likeness}_{ij} / |i - j|

    n counts the valid pixels, and a boundary's length grows like its root, so an image and labels enlarged by two cost
    about the same. Pairs with an invalid end do not exist: void and padding are cut out. Its strength is 1; its user
    sets the weight (`Regularize.weight`). Marin and Boykov 2021, second term of equation (1).

    Called with probabilities it is a differentiable energy on their grid. `energy_of` measures label maps,
    `edge_costs` is what a graph cut needs.

    Raises:
        RecipeInvalid: the number of neighbours is neither 4 nor 8.
    """

    neighbours: int = 8
    """Number of neighbours, 4 or 8. With 8, boundaries in all directions cost about the same."""
    contrast: Contrast = ColorContrast()
    """The similarity of neighbours: by colour, or by an edge map (`EdgeMapContrast`)."""
    relaxation: Relaxation = Bilinear()
    """The cost of unsure neighbours. On hard labels all relaxations are equal."""

    def __post_init__(self):
        if self.neighbours not in (4, 8):
            raise RecipeInvalid(f"a grid of {self.neighbours!r} neighbours", expected="4 or 8")

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """Steps (rows, columns) to each later neighbour.

        The other half are met from there.
        """
        return STEPS[: self.neighbours // 2]

    def steps_on(self, grid: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """`steps`, which are the same on any grid."""
        return self.steps

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The relaxed energy, on the grid of `probs`.

        A pair counts as far as the smaller valid fraction of its cells.
        """
        return self.built(evidence, (probs.shape[2], probs.shape[3]))(probs)

    def built(
        self, evidence: Evidence, grid: tuple[int, int]
    ) -> Callable[[Float[Tensor, "B C h w"]], Float[Tensor, " B"]]:
        """The relaxed energy as a function of probabilities.

        It is for repeated use: weights are computed once.
        """
        share, weights = self._weights(evidence.image, evidence.weak.valid, grid)
        # The root of this view's cells, as n is in equation `potts`. Solvers that know the whole image correct for
        # crops themselves.
        root = share.sum((1, 2)).clamp(min=1e-6).sqrt()

        def energy(probs: Float[Tensor, "B C h w"]) -> Float[Tensor, " B"]:
            paid = [
                (weight.to(probs) * self.relaxation(*ends(probs, step))).sum((1, 2))
                for step, weight in zip(self.steps, weights, strict=True)
            ]
            return torch.stack(paid).sum(0) / root.to(probs)

        return energy

    def energy_of(
        self, labels: Int[np.ndarray, "H W"], image: Float[np.ndarray, "M H W"], valid: Bool[np.ndarray, "H W"]
    ) -> float:
        """Energy of a label map, summed in float64.

        Labels of invalid pixels are ignored.
        """
        differs = [np.not_equal(*ends(labels, step)) for step in self.steps]
        costs = self.edge_costs(image, valid)
        paid = sum(
            float(ends(cost, step)[0].sum(where=changed, dtype=np.float64))
            for cost, step, changed in zip(costs, self.steps, differs, strict=True)
        )
        return paid / max(int(valid.sum()), 1) ** 0.5

    def edge_costs(
        self,
        image: Float[np.ndarray, "M H W"],
        valid: Bool[np.ndarray, "H W"],
        grid: tuple[int, int] | None = None,
    ) -> Float[np.ndarray, "D h w"]:
        r"""Cost :math:`w_{ij}` of a label change per pair.

        It is without the factor :math:`1 / \sqrt n`.

        Args:
            image: the image.
            valid: False on pixels that are cut out.
            grid: rows and columns of cells; `None` for the pixels themselves.

        Returns:
            (D, h, w), float32, contiguous; D = 2 (right, down) or 4 (and down-right, down-left). Entry [d, i, j] is
            for cell (i, j) and its neighbour one of `steps` away; 0 where that is outside or either is invalid.
        """
        grid = grid or (valid.shape[0], valid.shape[1])
        return self.edge_costs_of(torch.tensor(image)[None], torch.tensor(valid)[None], grid)[0].numpy()

    def edge_costs_of(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> Float[Tensor, "B D h w"]:
        """`edge_costs` of a batch, on its device."""
        _, weights = self._weights(image, valid, grid)
        costs = image.new_zeros((len(image), len(weights), *grid), dtype=torch.float32)
        for d, (step, weight) in enumerate(zip(self.steps, weights, strict=True)):
            ends(costs[:, d], step)[0].copy_(weight)
        return costs

    def _weights(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> tuple[Float[Tensor, "B h w"], list[Float[Tensor, "B _ _"]]]:
        """Valid fraction of each cell, and weights of pairs."""
        share = share_per_cell(valid, grid).to(image)
        # The smaller of both: an edge into a half void cell is half an edge, whichever side it is seen from.
        there = [torch.minimum(*ends(share, step)) for step in self.steps]
        likeness = self.contrast(self.contrast.on_grid(image, valid, grid), there)
        # Distances are in cells; the root of the number of cells is in cells too.
        return share, [
            alike * counts / hypot(*step) for alike, counts, step in zip(likeness, there, self.steps, strict=True)
        ]
