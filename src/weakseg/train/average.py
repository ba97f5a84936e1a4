r"""Exponential moving averages of weights.

.. math:: \bar\theta_t = d_t \bar\theta_{t-1} + (1 - d_t) \theta_t, \qquad d_t = \min(d, \frac{1 + t}{10 + t})

Tarvainen and Valpola 2017 (section 2, the teacher); the rise of d_t, by which few steps have forgotten the weights that
they began with, is that of TensorFlow's `ExponentialMovingAverage` with `num_updates`.
"""

import copy

import torch
from torch import Tensor, nn

STATISTICS = ("running_mean", "running_var")
"""Suffixes of the names of statistics, in torch and in what builds on it."""


def averaged_copy(network: nn.Module) -> nn.Module:
    """A copy of a network, to hold its averaged weights.

    It is moved by `follow`, and equal to the network so far.
    """
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards a network's, in place.

    Running statistics of normalisation are averaged too.

    All other buffers are copied: counts have no average, nor have the infinities in masks of attention.

    Args:
        averaged: the copy that `averaged_copy` made.
        network: the network after a step.
        decay: the decay d, in [0, 1).
        step: the number t of steps of the whole training before this one.
    """
    fraction = 1 - min(decay, (1 + step) / (10 + step))
    old, new = _moving(averaged), _moving(network)
    # One call for all tensors, in place of one for each of hundreds.
    torch._foreach_lerp_([*old.values()], [*new.values()], fraction)  # pyright: ignore[reportPrivateImportUsage]
    kept = dict(averaged.named_buffers())
    for name, buffer in network.named_buffers():
        if name not in new:
            kept[name].copy_(buffer)


def _moving(network: nn.Module) -> dict[str, Tensor]:
    statistics = {name: each for name, each in network.named_buffers() if name.endswith(STATISTICS)}
    return dict(network.named_parameters()) | statistics
