"""A network of your own as the part of a recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from weakseg.errors import NetworkUnavailable
from weakseg.networks.network import logits_of


@dataclass(frozen=True)
class FromModule:
    """Any `nn.Module`, made by a function of your own.

    The module takes images in [0, 1] of (B, M, H, W) and gives logits of (B, C, h, w) that cover the image, itself or
    as transformers' `logits` or torchvision's `out`. A recorded run names the function, so opening it again needs
    the recipe file.
    """

    make_network: Callable[[int, int], nn.Module]
    """Called with (channels, classes); gives a module ready to train."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """The module, with logits as its output.

        Raises:
            NetworkUnavailable: the function gives something else.
        """
        made: Any = self.make_network(channels, classes)
        if not isinstance(made, nn.Module):
            raise NetworkUnavailable(
                f"make_network({channels}, {classes}) gave {type(made).__name__}",
                expected="a torch.nn.Module",
                fix="return the network itself",
            )
        return _Logits(made)

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The module again; its weights are about to be loaded."""
        return self.build(channels, classes)


class _Logits(nn.Module):
    """A module whose output is the logits alone."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, image: Float[Tensor, "B M H W"]) -> Float[Tensor, "B C h w"]:
        return logits_of(self.module(image))
