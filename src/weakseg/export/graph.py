"""A predictor's network as an ONNX graph.

The graph takes images in [0, 1] of any size and gives logits of that size: what a `Predictor` does before and after the
network is part of it.
"""

import copy
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import NetworkUnavailable
from weakseg.evaluation.predictor import Predictor
from weakseg.networks.network import logits_of

OPSET = 18
_EXAMPLE = (2, 96, 128)
"""Images, rows and columns of the example. More than one image, because a single one would become a constant."""


class WholeImage(nn.Module):
    """A network from images in [0, 1] to logits of their size.

    It computes what `Predictor` does for an image of one tile.
    """

    def __init__(self, network: nn.Module, multiple: int):
        """Adapt a network.

        Args:
            network: the network, in evaluation mode.
            multiple: the number of pixels that images are extended to a multiple of.
        """
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C H W"]:
        """The logits of each pixel."""
        height, width = image.shape[2:]
        # The last row and column are repeated. Indices do so for any size, where padding would be of a fixed width.
        rows, columns = (_extended(side, self.multiple, image.device) for side in (height, width))
        logits = logits_of(self.network(image.index_select(2, rows).index_select(3, columns))).float()
        size = (rows.shape[0], columns.shape[0])
        whole = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return whole[:, :, :height, :width]


# While a graph is made, the sides of images are tensors.
def _extended(side: Any, multiple: int, device: torch.device) -> Tensor:
    """Indices of rows or columns, the last one repeated."""
    whole = (side + multiple - 1) // multiple * multiple
    return torch.arange(whole, device=device).clamp(max=side - 1)


class _AnySizePool(nn.AdaptiveAvgPool2d):
    """Pooling to a fixed number of cells, as two matrix products.

    Graphs have no pooling whose windows depend on the size of the image.
    """

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        cells = self.output_size if isinstance(self.output_size, tuple) else (self.output_size, self.output_size)
        down, across = (_means(int(n or 1), side, input) for n, side in zip(cells, input.shape[2:], strict=True))
        return down @ input @ across.T


def _means(cells: int, side: Any, like: Tensor) -> Float[Tensor, "cells side"]:
    """The matrix that averages the pixels of each cell, whose ends are rounded outwards."""
    cell, pixel = torch.arange(cells, device=like.device)[:, None], torch.arange(side, device=like.device)
    inside = (pixel >= cell * side // cells) & (pixel < ((cell + 1) * side + cells - 1) // cells)
    weights = inside.to(like.dtype)
    return weights / weights.sum(1, keepdim=True)


def whole_image(predictor: Predictor) -> WholeImage:
    """A copy of a predictor's network on the CPU that a graph can be made of."""
    network = copy.deepcopy(predictor.network).cpu().eval()
    for module in network.modules():
        if type(module) is nn.AdaptiveAvgPool2d and module.output_size not in (1, (1, 1)):
            # The class alone changes, because other modules hold references to this one.
            module.__class__ = _AnySizePool
    return WholeImage(network, predictor.multiple).eval()


def graph_of(predictor: Predictor) -> bytes:
    """The network as the bytes of an ONNX file.

    Raises:
        NetworkUnavailable: it does something that ONNX lacks.
    """
    images, height, width = _EXAMPLE
    # Height and width differ, and neither is a multiple of the other: mixing them up would be noticed.
    example = torch.zeros(images, predictor.channels, height, width)
    axes = {0: "batch", 2: "height", 3: "width"}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # Each number that is taken from the example is warned of; `parity` finds those that matter.
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        try:
            # Tracing takes 1 to 4 seconds, the newer exporter 10 to 35, and refuses more networks.
            torch.onnx.export(
                whole_image(predictor),
                (example,),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=["image"],
                output_names=["logits"],
                dynamic_axes={"image": axes, "logits": axes},
            )
        except Exception as error:  # the exporter raises errors of many kinds
            why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise NetworkUnavailable(
                f"{type(predictor.network).__name__} cannot become an ONNX graph: {why[:300]}",
                fix="predict with the run itself, or train one of the networks of docs/networks.md",
            ) from error
        return path.read_bytes()
