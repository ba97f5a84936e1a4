"""VGG16 with a large field of view.

It is the network of the first paper (Pathak et al. 2015), with logits at an eighth of the image.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weakseg.errors import NetworkUnavailable
from weakseg.files.paths import absolute
from weakseg.files.regular_file import require_regular
from weakseg.networks.network import Network
from weakseg.pretrained.preprocessing import IMAGENET
from weakseg.pretrained.transformers_patches import adapt_first_convolution

_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


@dataclass(frozen=True)
class Vgg16LargeFov:
    """VGG16-LargeFOV, with logits at an eighth of the image.

    Chen et al. 2015 made VGG16 dense so; Pathak, Krähenbühl and Darrell 2015 trained it from weak labels.

    The last two poolings keep their resolution, the fifth stage is dilated by 2, and the classifier's layers are
    convolutions: fc6 of 4 x 4 dilated by 4, fc7 and fc8 of 1 x 1, with dropout of a half after fc6 and fc7.

    Without `weights` every parameter is random, and the network then learns little from a small data set.
    """

    weights: str | None = None
    """The path of a safetensors file that names its tensors as torchvision's VGG16 does (`features.0.weight` to
    `classifier.3.bias`); `None` initialises all at random. fc6 takes every second row and column of `classifier.0`'s 7
    x 7, as DeepLab did."""
    width: int = 4096
    """The number of features of fc6 and fc7; DeepLab-LargeFOV has 1024. If fewer than in the file, evenly spaced ones
    are taken."""

    def located(self) -> "Vgg16LargeFov":
        """The same with an absolute path of its weights."""
        return replace(self, weights=self.weights and absolute(self.weights))

    def build(self, channels: int, classes: int) -> Network:
        """The network, with its pretrained weights, if any.

        fc8 is Gaussian, with a standard deviation of 0.01.

        Raises:
            NetworkUnavailable: the file is missing, is not a safetensors file, or does not hold a VGG16.
        """
        body = _Body(classes, self.width)
        if self.weights is not None:
            _load(body, Path(self.weights))
        return self._adapted(body, channels)

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture, without its file.

        Its weights are loaded next.
        """
        return self._adapted(_Body(classes, self.width), channels)

    def _adapted(self, body: "_Body", channels: int) -> Network:
        network = _adapt(body, channels)
        if self.weights is not None:
            network.fresh_parameters = frozenset({"body.fc8.weight", "body.fc8.bias"})
        return network


class _Body(nn.Module):
    def __init__(self, classes: int, width: int):
        super().__init__()
        self.features = _features()
        # Padded by half of its extent of 13 cells, so that cells stay where they are.
        self.fc6 = nn.Conv2d(512, width, 4, padding=6, dilation=4)
        self.fc7 = nn.Conv2d(width, width, 1)
        self.fc8 = nn.Conv2d(width, classes, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
        nn.init.normal_(self.fc8.weight, std=0.01)
        self.activation = nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.5))

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        return self.fc8(self.activation(self.fc7(self.activation(self.fc6(self.features(image))))))


def _features() -> nn.Sequential:
    """VGG16's convolutions, in torchvision's order of names."""
    layers: list[nn.Module] = []
    into = 3
    for stage, widths in enumerate(_CHANNELS):
        dilation = 2 if stage == 4 else 1
        for out in widths:
            layers += [nn.Conv2d(into, out, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
            into = out
        # Pooling that keeps the resolution is three wide, because two would move the map by half a cell.
        layers.append(nn.MaxPool2d(2, 2) if stage < 3 else nn.MaxPool2d(3, 1, padding=1))
    return nn.Sequential(*layers)


def _adapt(body: _Body, channels: int) -> Network:
    mean, std = IMAGENET["mean"], IMAGENET["std"]
    if channels not in (1, 3):
        adapt_first_convolution(body, channels)
        mean, std = (sum(mean) / 3,) * channels, (sum(std) / 3,) * channels
    return Network(body, channels, tile_px=8, mean=mean, std=std, config={})


def _load(body: _Body, file: Path):
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        require_regular(file, NetworkUnavailable)
        stored = load_file(file)
        state = {name: tensor for name, tensor in stored.items() if name.startswith("features.")}
        every = max(1, len(stored["classifier.3.bias"]) // body.fc7.out_channels)
        state["fc6.weight"] = stored["classifier.0.weight"].unflatten(1, (512, 7, 7))[::every, :, ::2, ::2]
        state["fc7.weight"] = stored["classifier.3.weight"][::every, ::every, None, None]
        state |= {"fc6.bias": stored["classifier.0.bias"][::every], "fc7.bias": stored["classifier.3.bias"][::every]}
        body.load_state_dict(state | {"fc8.weight": body.fc8.weight, "fc8.bias": body.fc8.bias})
    except (NetworkUnavailable, OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        found = error.found if isinstance(error, NetworkUnavailable) else error
        raise NetworkUnavailable(
            f"{file} cannot be loaded into VGG16: {found}",
            expected="a safetensors file with the tensors of torchvision's VGG16",
            fix="check the path; torchvision's own file becomes one by "
            "safetensors.torch.save_file(torch.load('vgg16-397923af.pth', weights_only=True), 'vgg16.safetensors')",
        ) from error
