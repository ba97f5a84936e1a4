"""Cells of an appearance: colours in, costs out."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.grids.cell_colors import cell_colors
from weakseg.grids.pooling import pooled, share_per_cell


def colors_of_cells(
    image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int], cell_px: int
) -> Float[Tensor, "B M h w"]:
    """Mean colours of cells, in [0, 1], on the CPU.

    Cells have `cell_px` pixels a side, or are finer where the grid is.
    """
    size = (valid.shape[1], valid.shape[2])
    rows, columns = (min(n, max(g, -(-n // cell_px))) for n, g in zip(size, grid, strict=True))
    return cell_colors(image.float(), valid, (rows, columns)).clamp(0, 1).cpu()


def on_grid_of(
    costs: Float[Tensor, "B C _ _"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B C h w"]:
    """Costs averaged to a grid as coarse or coarser.

    Means are over valid parts; the cost is 0 where nothing is valid.
    """
    size = costs.shape[2:]
    if tuple(size) == tuple(grid):
        return costs
    share = share_per_cell(valid, size).to(costs)[:, None]
    # `pooled` gives each fine cell to one coarse cell. Where sides do not divide, that would shift costs by up to half
    # a cell, so the mean goes over all cells that a coarse one touches.
    even = all(n % g == 0 for n, g in zip(size, grid, strict=True))
    summed = (lambda values: pooled(values, grid)) if even else (lambda values: F.adaptive_avg_pool2d(values, grid))
    return summed(costs * share) / summed(share).clamp(min=1e-6)
