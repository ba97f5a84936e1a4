"""Local kernel: similarity of cells within a window.

It is a symmetric matrix, applied step by step and never stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.errors import RecipeInvalid
from weakseg.grids.cell_colors import cell_colors
from weakseg.grids.neighbours import ends
from weakseg.grids.pooling import share_per_cell, side_in_cells
from weakseg.types import Evidence, WeakLabels


@dataclass(frozen=True)
class LocalKernel:
    r"""Gaussian of position and colour in a window, equation `local-kernel`.

    The window is square.

    .. math:: W_{ij} = \frac{v_i v_j}{Z} \exp\Big(-\frac{\lVert x_i - x_j \rVert^2}{2 \sigma_x^2}
              - \frac{\lVert I_i - I_j \rVert^2}{2 \sigma_I^2}\Big), \qquad W_{ii} = 0

    v is the valid share of a cell, so void and padding are gated out on both sides; Z is the sum of the position's
    factor over the window, so a row sums to at most 1. Lengths are fractions of the side of a square as large as the
    valid part of the whole image: a crop, a zoom and a coarser grid see the same kernel. Obukhov et al. 2019.

    Raises:
        RecipeInvalid: a length or a bandwidth is not above 0, or the radius is above 1.
    """

    radius: float = 5 / 128
    """Half width of the window, as a fraction of the side, above 0 and up to 1; at least one cell."""
    position: float = 6 / 128
    r"""Standard deviation :math:`\sigma_x` of positions, as a fraction of the side, above 0."""
    color: float = 0.1
    r"""Standard deviation :math:`\sigma_I` of colours, above 0, for images in [0, 1], squares summed over all channels;
    `inf` ignores colour."""

    def __post_init__(self):
        for name in ("radius", "position", "color"):
            if not getattr(self, name) > 0:
                raise RecipeInvalid(f"LocalKernel({name}={getattr(self, name)!r})", expected="a number above 0")
        if self.radius > 1:
            raise RecipeInvalid(
                f"LocalKernel(radius={self.radius!r})", expected="a fraction of the image's side, up to 1"
            )

    def __call__(self, values: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, "B C h w"]:
        """W times `values`, in constant memory.

        It takes one pass over the image for each step of the window.
        """
        grid, weak = (values.shape[2], values.shape[3]), evidence.weak
        share = share_per_cell(weak.valid, grid).to(values)[:, None]
        # Half a squared distance in bandwidths is a whole one of colours divided by this.
        colors = cell_colors(evidence.image, weak.valid, grid).to(values) / (sqrt(2) * self.color)
        given, total = values * share, torch.zeros_like(values)
        for step, weight in self._window(weak, grid):
            near, far = ends(colors, step)
            alike = weight.to(values)[:, None, None, None] * (near - far).square().sum(1, keepdim=True).neg().exp()
            # Each pair is met once and counts both ways; `ends` are views, so both sums grow in place.
            into, back = ends(total, step)
            from_near, from_far = ends(given, step)
            into.addcmul_(alike, from_far)
            back.addcmul_(alike, from_near)
        return share * total

    def _window(self, weak: WeakLabels, grid: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Float[Tensor, " B"]]]:
        """Half the window's steps, with their position weights.

        Only steps that fit into the grid.
        """
        side = side_in_cells(weak, grid)
        # At least one cell: on coarse grids the window would otherwise be the cell itself, and the energy 0.
        radius = (self.radius * side).round().clamp(min=1)
        reach = int(radius.max()) if len(radius) else 1
        # Half of the window; the other half is the same pairs from the other end.
        steps = [(i, j) for i in range(reach + 1) for j in range(-reach, reach + 1) if i > 0 or j > 0]
        squares = torch.tensor([i * i + j * j for i, j in steps], device=side.device)
        beyond = torch.tensor([max(i, abs(j)) for i, j in steps], device=side.device) > radius[:, None]
        exponents = (-squares / (2 * (self.position * side[:, None]).square())).masked_fill(beyond, -torch.inf)
        # Divided by Z in log space: on a grid of few cells every factor would be 0. Z has both halves of the window.
        weights = exponents.softmax(1) / 2
        return ((s, w) for s, w in zip(steps, weights.T, strict=True) if s[0] < grid[0] and abs(s[1]) < grid[1])
