r"""Averaged weights: an exponential moving average of a network's weights while it trains.

.. math:: \bar\theta_t = d_t \bar\theta_{t-1} + (1 - d_t) \theta_t, \qquad d_t = \min(d, \frac{1 + t}{10 + t})

Tarvainen and Valpola 2017 (section 2, the teacher); the rise of d_t, by which few steps have forgotten the weights that
they began with, is that of TensorFlow's `ExponentialMovingAverage` with `num_updates`.
"""

import copy

import torch
from torch import Tensor, nn


def averaged_copy(network: nn.Module) -> nn.Module:
    """A network whose weights are about to `follow` another's, which they equal so far."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards a network's, in place; statistics of normalisation too, while counts are copied.

    Args:
        averaged: what `averaged_copy` made of the network.
        network: after a step.
        decay: d, in [0, 1).
        step: t, how many steps of the whole training were done before this one.
    """
    pairs = [*zip(_tensors(averaged), _tensors(network), strict=True)]
    reals = [(old, new) for old, new in pairs if old.is_floating_point()]
    old, new = [old for old, _ in reals], [new for _, new in reals]
    share = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(old, new, share)  # pyright: ignore[reportPrivateImportUsage]
    for count, now in pairs:
        if not count.is_floating_point():
            count.copy_(now)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
