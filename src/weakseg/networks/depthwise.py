"""Depthwise convolutions that are quick to train on a CPU.

Their gradients in bfloat16 have good kernels for the plain case only. Strided and dilated ones took more than half of a
training step of MobileNetV2 (docs/performance.md); in float32 they are two to ten times as quick.
"""

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """A convolution that is trained in float32 whatever the precision of those around it."""

    def forward(self, input: Tensor) -> Tensor:
        """In the precision of what came in; where no gradient is asked for, as any convolution."""
        # Only gradients are slow in bfloat16.
        if not torch.is_autocast_enabled(input.device.type) or not torch.is_grad_enabled():
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float()).to(input.dtype)


def depthwise_in_float32(network: nn.Module) -> None:
    """Make a network's strided and dilated depthwise convolutions such; parameters and their names stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_slow(module):
            # Of the same layout, and whoever holds the module goes on doing so.
            module.__class__ = DepthwiseConv2d


def _is_slow(conv: nn.Conv2d) -> bool:
    return 1 < conv.groups == conv.in_channels and max(*conv.stride, *conv.dilation) > 1
