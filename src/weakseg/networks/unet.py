"""A small U-Net, trained from scratch.

It needs no download, takes any number of channels, and is fast on a CPU.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import RecipeInvalid
from weakseg.networks.network import Network


@dataclass(frozen=True)
class UNet:
    """A U-Net at half the image's resolution (stride 2).

    Ronneberger, Fischer and Brox 2015, with three changes: the first convolution halves the image, features are
    normalised in groups within each image (so an image's loss does not depend on its batch, and one process
    learns what several do), and maps are padded so that they keep their size.
    """

    width: int = 24
    """Features of the finest level, a multiple of 8; each coarser level has twice as many."""
    depth: int = 3
    """Number of times the half-resolution map is halved again, 1 or more."""

    def __post_init__(self):
        if self.width < 8 or self.width % 8 or self.depth < 1:
            expected = "a width that is a multiple of 8, and a depth of 1 or more"
            raise RecipeInvalid(f"the U-Net has width={self.width} and depth={self.depth}", expected=expected)

    def build(self, channels: int, classes: int) -> Network:
        """The network, with random weights.

        They come from torch's global generator.
        """
        body = _Body(channels, classes, self.width, self.depth)
        return Network(
            body, channels, tile_px=2 ** (self.depth + 1), mean=(0.5,) * channels, std=(0.25,) * channels, config={}
        )

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same network, whose weights are loaded next."""
        return self.build(channels, classes)


class _Body(nn.Module):
    def __init__(self, channels: int, classes: int, width: int, depth: int):
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        # Four pixels wide, so that each cell's centre lies in the middle of the two pixels it stands for.
        self.stem = nn.Conv2d(channels, width, 4, stride=2, padding=1)
        self.down = nn.ModuleList(_block(into, out) for into, out in zip([width, *widths], widths, strict=False))
        self.up = nn.ModuleList(_block(fine + coarse, fine) for fine, coarse in zip(widths, widths[1:], strict=False))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        features, skipped = self.stem(image), []
        for level, block in enumerate(self.down):
            features = block(F.max_pool2d(features, 2) if level else features)
            skipped.append(features)
        for block in reversed(self.up):
            # The coarsest features are in `features` already.
            skipped.pop()
            coarse = F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
            features = block(torch.cat([skipped[-1], coarse], dim=1))
        return self.head(features)


def _block(into: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (into, out):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.GroupNorm(8, out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
