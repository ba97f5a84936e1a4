"""A picture on the grid of a network's logits: what energies that compare colours look at."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.constraints.cells import pooled, share_per_cell
from weakseg.errors import EvidenceInvalid


def cell_colors(
    image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B M h w"]:
    """The mean colour of each cell's valid pixels; 0 in a cell that has none, whatever the image holds there.

    Raises:
        EvidenceInvalid: valid pixels that are nan or infinite, naming the pictures.
    """
    image = torch.where(valid[:, None], image, 0)
    require_finite_pixels(image)
    if image.shape[2:] == tuple(grid):
        return image
    share = share_per_cell(valid, grid).to(image)[:, None]
    return pooled(image, grid) / share.clamp(min=1e-6)


def require_finite_pixels(image: Float[Tensor, "B M H W"]) -> None:
    """Refuse pictures with nan or infinite values, which would spread to all that is compared with them."""
    # A sum is one quick pass, and shows whether to look closer.
    if image.sum().isfinite():
        return
    broken = (~image.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if broken:
        numbers = ", ".join(map(str, broken))
        raise EvidenceInvalid(
            f"Image {numbers} of the batch (counted from 0) has valid pixels that are nan or infinite.",
            expected="values in [0, 1]",
            mend="Mend the picture, or mark these pixels as void.",
        )
