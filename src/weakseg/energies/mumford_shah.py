"""Mumford-Shah: uniform colours within classes, and short boundaries."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.energies.contrast import ColorContrast
from weakseg.energies.grid_potts import GridPotts
from weakseg.energies.relaxations import TotalVariation
from weakseg.errors import RecipeInvalid
from weakseg.grids.cell_colors import cell_colors
from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence

ONE_COLOR = 1e-10
"""Variance of an image in [0, 1] below which it has one colour: a seventh of a step of 16 bits."""


@dataclass(frozen=True)
class MumfordShah:
    r"""Colour variance within classes plus boundary length, equation `mumford-shah`.

    The variance is a fraction of the image's.

    .. math:: E(P) = \frac{\sum_k \sum_i v_i p_i^k \lVert I_i - c_k \rVert^2}{\sum_i v_i \lVert I_i - c \rVert^2}
              + \nu \, E_{\text{length}}(P)

    :math:`c_k` is the mean colour of class k under P and c that of the image. Piecewise constant, so it suits
    classes that differ in brightness or colour over the whole image. Kim and Ye 2019, who
    sum their first term: its weight w, on an image of n pixels and variance s^2, is w n s^2 here.

    Raises:
        RecipeInvalid: a weight of the boundary below 0.
    """

    boundary: GridPotts = GridPotts(4, ColorContrast(variance=inf), TotalVariation())
    """The cost of a boundary: the total variation of P, or any other `GridPotts`."""
    boundary_weight: float = 0.1
    r"""Weight :math:`\nu` of the boundary relative to the fraction of colour variance; finite and 0 or above."""

    def __post_init__(self):
        if not 0 <= self.boundary_weight < inf:
            raise RecipeInvalid(
                f"MumfordShah(boundary_weight={self.boundary_weight!r})", expected="a number of 0 or above"
            )

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The energy, at least 0, on the grid of `probs`.

        In an image of one colour only the boundary counts.
        """
        return self._within(probs, evidence) + self.boundary_weight * self.boundary(probs, evidence)

    def _within(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        r"""Fraction of colour variance that class means leave unexplained.

        1 minus the explained fraction, :math:`\sum_k n_k \lVert c_k - c \rVert^2` over the total.
        """
        grid, valid = (probs.shape[2], probs.shape[3]), evidence.weak.valid
        share = share_per_cell(valid, grid).to(probs)[:, None]
        count = share.sum((2, 3), keepdim=True).clamp(min=1e-6)
        colors = cell_colors(evidence.image, valid, grid).to(probs)
        # About the image's mean: sums of squares about 0 would lose the digits that matter.
        colors = colors - (share * colors).sum((2, 3), keepdim=True) / count
        total = (share * colors.square()).sum((1, 2, 3))
        members = probs * share
        sums = torch.einsum("bchw,bmhw->bcm", members, colors)
        # n_k |c_k|^2 with c_k = sums / n_k; the mean of the image is 0 by now.
        explained = (sums.square().sum(2) / members.sum((2, 3)).clamp(min=1e-6)).sum(1)
        # Rounding may leave a little less than 0 where the classes explain everything.
        return (total - explained).clamp(min=0) / total.maximum(ONE_COLOR * count.flatten())
