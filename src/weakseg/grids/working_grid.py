"""The grid that a solver works on, and predictions brought to it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.grids.pooling import pooled, share_per_cell
from weakseg.types import Evidence

LEAST = -1e4
"""Lowest logarithm that is resized: what cannot be has no mean."""


FINEST_PX = 4
"""Networks at the full resolution cannot tell neighbours apart either, and every step has to wait for the solution."""


def working_grid(evidence: Evidence, cell_px: int | None, finest_px: int) -> tuple[int, int]:
    """Rows and columns of cells of so many pixels; of `None` those of the logits, or of the finest cells if fewer."""
    size = (evidence.image.shape[2], evidence.image.shape[3])
    if cell_px is not None:
        return grid_of(size, cell_px)
    coarse = grid_of(size, finest_px)
    return min(evidence.log_probs.shape[2], coarse[0]), min(evidence.log_probs.shape[3], coarse[1])


def on_grid(
    log_probs: Float[Tensor, "B C _ _"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B C h w"]:
    """Log-probabilities on another grid: means over the valid part of larger cells, bilinear logits on smaller ones."""
    size = log_probs.shape[2:]
    if tuple(size) == grid:
        return log_probs
    finite = log_probs.clamp(min=LEAST)
    if size[0] < grid[0] or size[1] < grid[1]:
        return F.interpolate(finite, grid, mode="bilinear", align_corners=False).log_softmax(1)
    seen = share_per_cell(valid, size).to(finite)[:, None]
    share = pooled(seen, grid)
    return torch.where(share > 0, pooled(finite * seen, grid) / share.clamp(min=1e-6), pooled(finite, grid))


def grid_of(size: tuple[int, int], cell_px: int) -> tuple[int, int]:
    """Rows and columns of cells of about so many pixels a side."""
    return -(-size[0] // cell_px), -(-size[1] // cell_px)
