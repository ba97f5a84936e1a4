"""The Potts model on a volume: surfaces cost their area, and less where the image has an edge."""

from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.energies.contrast import ColorContrast, Contrast
from weakseg.errors import RecipeInvalid
from weakseg.grids.neighbours import STEPS, ends
from weakseg.grids.pooling import share_per_cell

_UP = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Steps (rows, columns) beside the one to the next slice."""


@dataclass(frozen=True)
class VolumePotts:
    r"""Weighted label changes between neighbours in a volume, equation `potts-volume`.

    .. math:: E(y) = n^{-2/3} \sum_{ij} w_{ij} [y_i \ne y_j], \qquad w_{ij} = \text{likeness}_{ij} \, a / |i - j|

    Slices lie below each other in one tall image. Distances are in pixels, a is the side of a cube as large as a voxel,
    and n counts the valid voxels, so that a finer grid costs about the same: an edge stands for a piece of surface,
    which between thick slices is smaller than within them. Pairs with an invalid end do not exist.

    Raises:
        RecipeInvalid: there is no slice, slices are not apart, or the number of neighbours is neither 6 nor 18.
    """

    slices: int
    """Number of slices, 1 or more."""
    slice_px: float = 1.0
    """Distance between slices, as a multiple of that between pixels; above 0."""
    neighbours: int = 18
    """Number of neighbours, 6 or 18."""
    contrast: Contrast = ColorContrast()
    """The similarity of neighbours."""

    def __post_init__(self):
        if self.slices < 1 or not 0 < self.slice_px < torch.inf or self.neighbours not in (6, 18):
            expected = "1 or more slices, a distance above 0, and 6 or 18 neighbours"
            raise RecipeInvalid(f"{self!r:.200}", expected=expected)

    @property
    def _steps(self) -> tuple[tuple[int, int, int], ...]:
        """Steps (slices, rows, columns) to each later neighbour."""
        within, between = (2, 1) if self.neighbours == 6 else (4, 5)
        return (*((0, *step) for step in STEPS[:within]), *((1, *step) for step in _UP[:between]))

    def steps_on(self, grid: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Steps (rows, columns) to each later neighbour in the tall image."""
        rows = self._rows(grid)
        return tuple((rows * up + down, right) for up, down, right in self._steps)

    def edge_costs_of(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> Float[Tensor, "B D h w"]:
        """Cost of a label change per pair, times the root of the number of cells.

        The factor is `GridPotts`'s, so that a solver treats both alike. Entry [b, d, i, j] is for cell (i, j) and its
        neighbour one of `steps_on(grid)` away; 0 where that lies in another slice than it should, or outside.
        """
        rows, steps = self._rows(grid), self.steps_on(grid)
        share = share_per_cell(valid, grid).to(image)
        slices = torch.arange(grid[0], device=image.device)[:, None] // rows
        there = []
        for (up, _, _), step in zip(self._steps, steps, strict=True):
            near, far = ends(slices.expand(grid), step)
            there.append(torch.minimum(*ends(share, step)) * (far - near == up))
        likeness = self.contrast(self.contrast.on_grid(image, valid, grid), there, steps)
        deep = self.slice_px * rows * self.slices / valid.shape[1]  # in cells, as distances within slices are
        side, cells = deep ** (1 / 3), share.sum((1, 2)).clamp(min=1)
        scale = side * cells ** (1 / 3 - 1 / 2)
        costs = image.new_zeros((len(image), len(steps), *grid), dtype=torch.float32)
        for d, (up, down, right) in enumerate(self._steps):
            distance = sqrt((up * deep) ** 2 + down**2 + right**2)
            ends(costs[:, d], steps[d])[0].copy_(likeness[d] * there[d] * (scale / distance)[:, None, None])
        return costs

    def _rows(self, grid: tuple[int, int]) -> int:
        """Rows of each slice on a grid."""
        if grid[0] % self.slices:
            raise RecipeInvalid(f"{self.slices} slices on a grid of {grid[0]} rows", expected="as many rows in each")
        return grid[0] // self.slices
