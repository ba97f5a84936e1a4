"""Contrast: similarity of neighbouring pixels.

It makes a boundary cheap where the image has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.grids.cell_colors import cell_colors, require_colors
from weakseg.grids.neighbours import STEPS, ends


@runtime_checkable
class Contrast(Protocol):
    """Interface of a similarity between neighbours."""

    def on_grid(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> Float[Tensor, "B F h w"]:
        """Features of each cell; invalid pixels do not count."""
        ...

    def __call__(
        self,
        seen: Float[Tensor, "B F h w"],
        there: Sequence[Float[Tensor, "B _ _"]],
        steps: Sequence[tuple[int, int]] = STEPS,
    ) -> list[Float[Tensor, "B _ _"]]:
        """Similarity in [0, 1] of each pair, per step.

        `there` is the weight of each pair, `steps` the way from one end to the other.
        """
        ...


@dataclass(frozen=True)
class ColorContrast:
    r"""Similarity of colours, equation `contrast`.

    :math:`\exp(-\lVert I_i - I_j \rVert^2 / 2 \sigma^2)`, for any number of channels.

    Boykov and Jolly 2001; Marin and Boykov 2021, under equation (1).
    """

    variance: float | None = None
    r""":math:`\sigma^2`, above 0, of images in [0, 1] and summed over channels; `None` takes each image's own mean
    of the squared differences between neighbours, which suits dark and noisy images as well."""

    def __post_init__(self):
        if self.variance is not None and not self.variance > 0:
            raise RecipeInvalid(f"a colour variance of {self.variance!r}", expected="a number above 0, or None")

    def on_grid(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> Float[Tensor, "B M h w"]:
        """Mean colour of each cell's valid pixels."""
        return cell_colors(image, valid, grid)

    def __call__(
        self,
        seen: Float[Tensor, "B M h w"],
        there: Sequence[Float[Tensor, "B _ _"]],
        steps: Sequence[tuple[int, int]] = STEPS,
    ) -> list[Float[Tensor, "B _ _"]]:
        """Similarities: near 0 across edges, 1 on equal colours."""
        squares = [(near - far).square().sum(1) for near, far in (ends(seen, step) for step in steps[: len(there)])]
        # Each image's own, never the batch's: an image's loss must not depend on its neighbours.
        variance = self._own_variance(squares, there) if self.variance is None else seen.new_tensor(self.variance)
        # In an image of one colour both are 0, and all pixels are alike.
        # 0 / 0 becomes exp(0) = 1.
        double = (2 * variance).clamp(min=torch.finfo(seen.dtype).tiny)
        return [torch.exp(-square / double) for square in squares]

    def _own_variance(self, squares, there) -> Float[Tensor, "B 1 1"]:
        paired = zip(squares, there, strict=True)
        total = torch.stack([(square * weight).sum((1, 2)) for square, weight in paired]).sum(0)
        pairs = torch.stack([weight.sum((1, 2)) for weight in there]).sum(0)
        return (total / pairs.clamp(min=1e-6))[:, None, None]


@dataclass(frozen=True)
class EdgeMapContrast:
    r"""Similarity from an edge map, equation `contrast`.

    :math:`1 - \max(e_i, e_j)`, with e in [0, 1] a channel of the image.

    For edge detectors and membrane stains: save the map as one more channel of the image (a multi-channel TIFF). The
    network sees that channel too. Training that changes brightness or contrast changes it like any channel.
    """

    channel: int = -1
    """Index of the image channel that is the map; -1 is the last."""

    def on_grid(
        self, image: Float[Tensor, "B M H W"], valid: Bool[Tensor, "B H W"], grid: tuple[int, int]
    ) -> Float[Tensor, "B 1 h w"]:
        """The strongest edge in each cell.

        A mean would lose lines that are thinner than a cell.
        """
        channels = image.shape[1]
        if not -channels <= self.channel < channels:
            raise EvidenceInvalid(
                f"no channel {self.channel} for the edge map in images of {channels} channels",
                fix="save the edge map as one more channel of every image, or use ColorContrast",
            )
        edges = torch.where(valid, image[:, self.channel], 0)[:, None]
        require_colors(edges)
        return edges if edges.shape[2:] == tuple(grid) else F.adaptive_max_pool2d(edges, grid)

    def __call__(
        self,
        seen: Float[Tensor, "B 1 h w"],
        there: Sequence[Float[Tensor, "B _ _"]],
        steps: Sequence[tuple[int, int]] = STEPS,
    ) -> list[Float[Tensor, "B _ _"]]:
        """Similarities: 0 on a certain edge, 1 elsewhere."""
        pairs = [ends(seen[:, 0], step) for step in steps[: len(there)]]
        return [1 - torch.maximum(near, far).clamp(0, 1) for near, far in pairs]
