"""Depthwise convolutions that train fast on a CPU.

In bfloat16, torch has fast gradients for the plain case only. Strided and dilated ones took more than half of a
training step of MobileNetV2 (docs/performance.md); in float32 they are two to ten times as fast.
"""

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """A convolution that always trains in float32.

    The precision of the layers around it does not matter.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of `input`, in its precision.

        Without a gradient it is computed as in any convolution.
        """
        # Only the gradients are slow in bfloat16, so that inference keeps its precision.
        if not torch.is_autocast_enabled(input.device.type) or not torch.is_grad_enabled():
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float()).to(input.dtype)


def depthwise_in_float32(network: nn.Module) -> None:
    """Make slow depthwise convolutions train in float32.

    They are the strided and dilated ones; parameters and their names stay.
    """
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_slow(module):
            # The class alone changes: layout, parameters and references to the module stay.
            module.__class__ = DepthwiseConv2d


def _is_slow(conv: nn.Conv2d) -> bool:
    return 1 < conv.groups == conv.in_channels and max(*conv.stride, *conv.dilation) > 1
