"""A picture on the grid of a network's logits: what energies that compare colours look at."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.constraints.cells import pooled, share_per_cell


def cell_colors(
    image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B M h w"]:
    """The mean colour of each cell's valid pixels; 0 in a cell that has none, whatever the image holds there."""
    image = torch.where(valid[:, None], image, 0)
    if image.shape[2:] == tuple(grid):
        return image
    share = share_per_cell(valid, grid).to(image)[:, None]
    return pooled(image, grid) / share.clamp(min=1e-6)
