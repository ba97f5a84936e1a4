"""DeepLabV3+ on MobileNetV2, at a quarter of the image.

It has dilated branches and a decoder.

Chen et al. 2018 ("Encoder-decoder with atrous separable convolution"), section 3, on the network of Sandler et al.
2018.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weakseg.errors import NetworkUnavailable, RecipeInvalid
from weakseg.networks.network import Network
from weakseg.pretrained.preprocessing import HALF
from weakseg.pretrained.pretrained import adapted, check_enlarge, drawn, fetched, located_name
from weakseg.pretrained.transformers_patches import fix_normalisation, halvings, reverse_padding
from weakseg.pretrained.weights import config_from, locate, read_config

_RATES = (6, 12, 18)
"""Cells between the taps of the dilated branches, for an encoder of stride 16."""
_FINE = 48
"""Number of channels that the decoder takes from the encoder's features of stride 4."""
_FINE_LAYER = 1
"""Index of the encoder's last layer of stride 4."""
_STRIDE = 16
"""Stride of the encoder's last features."""


@dataclass(frozen=True)
class DeepLabV3Plus:
    """DeepLabV3+ with a MobileNetV2 encoder (stride 4).

    A 1 x 1 convolution, three dilated ones and the mean over the image look at the encoder's last 320 channels, of
    stride 16; the decoder enlarges what they found four times and refines it by the encoder's features of stride 4.
    All 3 x 3 convolutions of the head are depthwise separable.
    """

    name: str | None = None
    """The MobileNetV2 checkpoint, as in `Pretrained.name`, without its head; `None` initialises all parameters at
    random."""
    width: int = 256
    """The number of channels of each branch and of the decoder, 1 or more; the paper has 256."""
    enlarge: float = 1.0
    """The factor of enlargement, as in `Pretrained`."""

    def __post_init__(self):
        check_enlarge(self.enlarge)
        if self.width < 1:
            raise RecipeInvalid(f"DeepLabV3Plus has width={self.width}", expected="1 channel or more")

    def located(self) -> "DeepLabV3Plus":
        """The same with an absolute path, if a folder's."""
        return replace(self, name=self.name and located_name(self.name))

    def build(self, channels: int, classes: int) -> Network:
        """The network with its pretrained encoder, if any.

        The head is initialised at random.

        Raises:
            NetworkUnavailable: there is no such checkpoint, or it has another architecture.
        """
        if self.name is None:
            architecture = {"model_type": "mobilenet_v2", "output_stride": _STRIDE}
            return self.rebuild(channels, classes, {"architecture": architecture, "fresh_parameters": (), **HALF})
        found = read_config(locate(self.name)).model_type
        if found != "mobilenet_v2":
            fix = f"use Pretrained({self.name!r}), which has a head for it"
            raise NetworkUnavailable(f"'{self.name}' is a {found} network", expected="a MobileNetV2", fix=fix)
        with fetched(self.name, classes, _STRIDE) as (theirs, settings):
            body = _Body(theirs.mobilenet_v2, classes, self.width)
            head = [name for name, _ in body.named_parameters() if not name.startswith("encoder.")]
            return self._adapted(body, channels, {**settings, "fresh_parameters": head})

    def rebuild(self, channels: int, classes: int, config: dict) -> Network:
        """The same architecture from `Network.config`.

        No file is needed; its weights are loaded next.
        """
        encoder = drawn(config_from(config["architecture"])).mobilenet_v2
        return self._adapted(_Body(encoder, classes, self.width), channels, config)

    def _adapted(self, body: "_Body", channels: int, settings: dict[str, Any]) -> Network:
        fix_normalisation(body)
        # With TensorFlow's padding, cells of stride 4 lie 1.5 px and those of stride 16 7.5 px too low and right; with
        # two paddings reversed, they are off by half a pixel to one side and by 1.5 px to the other.
        for halving in halvings(body)[1:3]:
            reverse_padding(halving)
        return adapted(body, body.encoder.config, channels, settings, self.enlarge)


class _Body(nn.Module):
    """Encoder, branches and decoder."""

    def __init__(self, encoder: Any, classes: int, width: int):
        super().__init__()
        # The classifier's last convolution is not used here.
        self.encoder, encoder.conv_1x1 = encoder, nn.Identity()
        fine, coarse = (encoder.layer[i].reduce_1x1.convolution.out_channels for i in (_FINE_LAYER, -1))
        self.branches = nn.ModuleList([_pointwise(coarse, width)])
        self.branches.extend(_separable(coarse, width, rate) for rate in _RATES)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), _pointwise(coarse, width))
        self.project = nn.Sequential(_pointwise(width * (len(_RATES) + 2), width), nn.Dropout(0.1))
        self.fine = _pointwise(fine, _FINE)
        self.decoder = nn.Sequential(_separable(width + _FINE, width), _separable(width, width))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        fine, coarse = self._encoded(image)
        pooled = self.pooled(coarse).expand(-1, -1, *coarse.shape[2:])
        found = self.project(torch.cat([*(branch(coarse) for branch in self.branches), pooled], dim=1))
        enlarged = F.interpolate(found, fine.shape[2:], mode="bilinear", align_corners=False)
        return self.head(self.decoder(torch.cat([enlarged, self.fine(fine)], dim=1)))

    def _encoded(self, image: Float[Tensor, "B M H W"]) -> tuple[Float[Tensor, "B _ h w"], Float[Tensor, "B _ _ _"]]:
        """The encoder's features of stride 4, and its last ones."""
        fine = features = self.encoder.conv_stem(image)
        for i, layer in enumerate(self.encoder.layer):
            features = layer(features)
            fine = features if i == _FINE_LAYER else fine
        return fine, features


def _pointwise(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def _separable(into: int, out: int, rate: int = 1) -> nn.Sequential:
    """A depthwise separable 3 x 3 convolution.

    One convolution of each channel by itself, then one of 1 x 1 across them, each normalised (section 3.2).
    """
    depthwise = nn.Conv2d(into, into, 3, padding=rate, dilation=rate, groups=into, bias=False)
    return nn.Sequential(depthwise, nn.BatchNorm2d(into), nn.ReLU(inplace=True), *_pointwise(into, out))
