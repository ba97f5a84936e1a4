"""The contract of networks: images in, logits out.

An image has values in [0, 1]; logits lie on a coarser grid.

Any `nn.Module` that maps (B, M, H, W) to (B, C, h, w) keeps it, if its logits cover the image exactly
(`interpolate(logits, (H, W), mode="bilinear", align_corners=False)` puts them back on their pixels).
`Network` adapts networks that need normalised images of particular sizes.
"""

from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import EvidenceInvalid


@runtime_checkable
class NetworkSpec(Protocol):
    """A specification of a network, made by `build`.

    Any object with these two methods will do.
    """

    def build(self, channels: int, classes: int) -> nn.Module:
        """A network that is ready to train.

        It maps (B, M, H, W) in [0, 1] to (B, C, h, w) logits.
        """
        ...

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same architecture, without pretrained weights.

        A run's weights are loaded next, to predict or to train on.
        """
        ...


class Network(nn.Module):
    """A segmentation network for images of any size.

    It normalises images itself.

    An image is resized to the next multiple of `tile_px`, so that whole cells cover it exactly. Padding instead
    would leave the last cells half outside, and logits put back on the image would lie up to a cell beside it.

    Parameters that the logits do not depend on (auxiliary heads, the last layers of a classifier) are frozen, because
    distributed training would wait for their gradients for ever.
    """

    mean: Tensor
    std: Tensor
    stride: float
    """Pixels of the image per cell of the logits, for images that need no resizing; images that are enlarged have
    fewer."""
    fresh_parameters: frozenset[str]
    """Names of parameters without pretrained weights; empty where all have them."""
    config: dict
    """The settings that `rebuild` needs, as plain JSON."""

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
        """Adapt a network to the contract.

        Args:
            body: maps normalised images to logits, or to an object that has `logits`.
            channels: the number of image channels; a single one is repeated for a body that takes more.
            tile_px: the number that height and width must be multiples of, for the body's cells to tile the image.
            mean: the mean to subtract from each of the body's input channels, for images in [0, 1].
            std: the standard deviation to divide by afterwards.
            enlarge: the factor to enlarge the image by first, for structures smaller than a cell.
            config: the settings for `rebuild`, kept as they are.
        """
        super().__init__()
        self.body, self.channels, self.tile_px, self.enlarge = body, channels, tile_px, enlarge
        self.config, self.fresh_parameters = config, frozenset()
        # Not part of the checkpoint: `rebuild` sets them from the record.
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        # Measured with one small image, since configurations of networks do not say what their strides multiply to.
        stride = tile_px / self._trial() / enlarge
        self.stride = int(stride) if stride.is_integer() else stride

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        """Logits whose cells tile the image."""
        if image.shape[1] != self.channels:
            raise EvidenceInvalid(
                f"the image has {image.shape[1]} channels",
                expected=f"{self.channels}, which this network was built for",
                fix="give images like those it was trained on, or build a network for this number of channels",
            )
        # Where the mean has three channels and the image one, broadcasting repeats it.
        normalised = (image - self.mean) / self.std
        # In whole numbers, which a graph of the network can hold, and because 10 px enlarged 1.1 times come out just
        # above 11 in floating point.
        times, of = Fraction(self.enlarge).limit_denominator(10_000).as_integer_ratio()
        tile = self.tile_px * of
        size = [(side * times + tile - 1) // tile * self.tile_px for side in image.shape[2:]]
        # While a graph is made, the sizes at hand are those of an example.
        tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
        if tracing or size != list(normalised.shape[2:]):
            normalised = F.interpolate(normalised, size, mode="bilinear", align_corners=False)
        return logits_of(self.body(normalised))

    def _trial(self) -> int:
        """The number of cells along one tile.

        Parameters that its logits do not depend on are frozen.
        """
        training = self.body.training
        with torch.enable_grad():
            # In evaluation mode: one small image of zeros must not move running statistics.
            logits = logits_of(self.body.eval()(torch.zeros(1, len(self.mean), self.tile_px, self.tile_px)))
        parameters = [p for p in self.body.parameters() if p.requires_grad]
        # What gets no gradient from the logits never will.
        gradients = torch.autograd.grad(logits.sum(), parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.requires_grad_(gradient is not None)
        self.body.train(training)
        return logits.shape[-1]


def logits_of(output: Any) -> Float[Tensor, "B C h w"]:
    """The logits in a network's output.

    They are the tensor itself, transformers' `logits` or torchvision's `out`.

    Raises:
        EvidenceInvalid: it is anything else, such as a tuple.
    """
    found = output.get("logits", output.get("out")) if isinstance(output, dict) else getattr(output, "logits", output)
    if isinstance(found, Tensor):
        return found
    raise EvidenceInvalid(
        f"the network gave {type(output).__name__}",
        expected="a tensor of logits (images, classes, rows, columns)",
        fix="wrap it in a module whose forward returns the logits alone",
    )
