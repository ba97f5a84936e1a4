"""The grid of a solver, and predictions on it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.grids.pooling import pooled, share_per_cell
from weakseg.types import Evidence

LEAST = -1e4
"""Lowest logarithm that is interpolated, as -inf has no mean."""


FINEST_PX = 4
"""Side of the finest cells in pixels. Networks at full resolution cannot tell neighbours apart either, and every
training step waits for the solution."""


def working_grid(evidence: Evidence, cell_px: int | None, finest_px: int) -> tuple[int, int]:
    """Rows and columns of the solver's grid.

    `cell_px` is the side of a cell; `None` takes the grid of the logits, or the finest cells if these are fewer.
    """
    size = (evidence.image.shape[2], evidence.image.shape[3])
    if cell_px is not None:
        return grid_of(size, cell_px)
    coarse = grid_of(size, finest_px)
    # Never finer than the prediction: between its cells there is nothing to be found but interpolation.
    return min(evidence.log_probs.shape[2], coarse[0]), min(evidence.log_probs.shape[3], coarse[1])


def on_grid(
    log_probs: Float[Tensor, "B C _ _"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B C h w"]:
    """Log-probabilities on another grid.

    Larger cells have means over their valid part, smaller ones bilinear logits.
    """
    size = log_probs.shape[2:]
    if tuple(size) == grid:
        return log_probs
    finite = log_probs.clamp(min=LEAST)
    if size[0] < grid[0] or size[1] < grid[1]:
        # Interpolated logarithms are not normalised any more.
        return F.interpolate(finite, grid, mode="bilinear", align_corners=False).log_softmax(1)
    seen = share_per_cell(valid, size).to(finite)[:, None]
    share = pooled(seen, grid)
    # A cell without a valid pixel takes the mean of all, so that its numbers are finite; it counts nowhere.
    return torch.where(share > 0, pooled(finite * seen, grid) / share.clamp(min=1e-6), pooled(finite, grid))


def grid_of(size: tuple[int, int], cell_px: int) -> tuple[int, int]:
    """Rows and columns of cells with a given side."""
    return -(-size[0] // cell_px), -(-size[1] // cell_px)
