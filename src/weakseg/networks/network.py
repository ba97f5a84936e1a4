"""The contract every network is brought to: an image in [0, 1] goes in, logits on a coarser grid come out.

Any `nn.Module` that maps (B, M, H, W) to (B, C, h, w) keeps it, if its logits cover exactly the image
(`interpolate(logits, (H, W), mode="bilinear", align_corners=False)` puts them back on their pixels).
`Network` makes it true of networks that ask for normalised images of particular sizes.
"""

from math import ceil
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import EvidenceInvalid


@runtime_checkable
class NetworkSpec(Protocol):
    """How to make a network; any object with these two methods will do."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """A network ready to train: (B, M, H, W) in [0, 1] to (B, C, h, w) logits."""
        ...

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same architecture without pretrained weights: a run's are about to be loaded, to use or to train on."""
        ...


class Network(nn.Module):
    """A segmentation network that normalises for itself and takes images of any size.

    An image is resized to the next multiple of `tile_px`, so that whole cells cover it exactly. Padding instead
    would leave the last cells half outside, and logits put back on the image would lie up to a cell beside it.

    Parameters that the logits do not depend on (auxiliary heads, the last layers of a classifier) are frozen:
    distributed training waits for ever for their gradients.
    """

    mean: Tensor
    std: Tensor
    stride: float
    """Pixels of the image per cell of the logits, for images that need no resizing; fewer for others."""
    fresh_parameters: frozenset[str]
    """Names of parameters that start without pretrained weights; empty when everything does."""
    config: dict
    """All that is needed to rebuild the network, in types that JSON knows."""

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        *,
        tile_px: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        enlarge: float = 1.0,
        config: dict,
    ):
        """Bring a network to the contract.

        Args:
            body: maps normalised images to logits, or to an object that has `logits`.
            channels: of the images; a single one is repeated for a body that takes more.
            tile_px: height and width must be multiples of this for the body's cells to tile the image.
            mean: what to subtract from each of the body's input channels, for images in [0, 1].
            std: what to divide by afterwards.
            enlarge: how many times to enlarge the image first, for structures smaller than a cell.
            config: kept as it is.
        """
        super().__init__()
        self.body, self.channels, self.tile_px, self.enlarge = body, channels, tile_px, enlarge
        self.config, self.fresh_parameters = config, frozenset()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        stride = tile_px / self._trial() / enlarge
        self.stride = int(stride) if stride.is_integer() else stride

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        """Logits whose cells tile the image."""
        if image.shape[1] != self.channels:
            raise EvidenceInvalid(
                f"the image has {image.shape[1]} channels",
                expected=f"{self.channels}, which this network was built for",
                fix="give images of the kind it was trained on, or build a network for this number of channels",
            )
        # One channel meets a mean of three, and broadcasting repeats it.
        picture = (image - self.mean) / self.std
        # Less a hair, because 10 px enlarged 1.1 times come out a little above 11.
        size = [self.tile_px * ceil(side * self.enlarge / self.tile_px - 1e-6) for side in image.shape[2:]]
        if size != list(picture.shape[2:]):
            picture = F.interpolate(picture, size, mode="bilinear", align_corners=False)
        return logits_of(self.body(picture))

    def _trial(self) -> int:
        """Cells along one tile; freezes the parameters that its logits do not depend on."""
        training = self.body.training
        with torch.enable_grad():
            logits = logits_of(self.body.eval()(torch.zeros(1, len(self.mean), self.tile_px, self.tile_px)))
        parameters = [p for p in self.body.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(logits.sum(), parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.requires_grad_(gradient is not None)
        self.body.train(training)
        return logits.shape[-1]


def logits_of(output: Any) -> Float[Tensor, "B C h w"]:
    """The logits among a network's outputs: the tensor itself, transformers' `logits`, torchvision's `out`.

    Raises:
        EvidenceInvalid: it is anything else, as a tuple of which nobody says which part they are.
    """
    found = output.get("logits", output.get("out")) if isinstance(output, dict) else getattr(output, "logits", output)
    if isinstance(found, Tensor):
        return found
    raise EvidenceInvalid(
        f"the network gave {type(output).__name__}",
        expected="a tensor of logits (images, classes, rows, columns)",
        fix="wrap it in a module whose forward returns the logits alone",
    )
