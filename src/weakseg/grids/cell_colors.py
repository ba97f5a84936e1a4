"""Images on the grid of a network's logits."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.grids.pooling import pooled, share_per_cell


def cell_colors(
    image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
) -> Float[Tensor, "B M h w"]:
    """Mean colour of each cell's valid pixels.

    It is 0 in a cell without any, whatever the image holds there.

    Raises:
        EvidenceInvalid: valid pixels that are nan, infinite or far outside [0, 1].
    """
    image = torch.where(valid[:, None], image, 0)
    require_colors(image)
    if image.shape[2:] == tuple(grid):
        return image
    share = share_per_cell(valid, grid).to(image)[:, None]
    return pooled(image, grid) / share.clamp(min=1e-6)


def require_colors(image: Float[Tensor, "B M H W"]) -> None:
    """Refuse images with NaN, infinite or unscaled values.

    Bandwidths are fractions of that range: on values up to 255 no two pixels would be alike, without any error.
    """
    # One quick pass shows whether to look closer; some room, for interpolation and for changes of light.
    low, high = image.aminmax() if image.numel() else (0, 1)
    if image.is_floating_point() and low >= -1 and high <= 2:
        return
    broken = (~image.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if broken:
        numbers = ", ".join(map(str, broken))
        raise EvidenceInvalid(
            f"Image {numbers} of the batch (counted from 0) has valid pixels that are nan or infinite.",
            expected="values in [0, 1]",
            fix="Fix the image, or label these pixels as void.",
        )
    raise EvidenceInvalid(
        f"The images are {image.dtype} with values from {float(low):.4g} to {float(high):.4g}.",
        expected="floating point in [0, 1]",
        fix="Divide by the largest value of their type or camera, or omit the normalisation: networks normalise by"
        " themselves.",
    )
