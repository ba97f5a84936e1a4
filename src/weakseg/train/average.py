r"""Averaged weights: an exponential moving average of a network's weights while it trains.

.. math:: \bar\theta_t = d_t \bar\theta_{t-1} + (1 - d_t) \theta_t, \qquad d_t = \min(d, \frac{1 + t}{10 + t})

Tarvainen and Valpola 2017 (section 2, the teacher); the rise of d_t, by which few steps have forgotten the weights that
they began with, is that of TensorFlow's `ExponentialMovingAverage` with `num_updates`.
"""

import copy

import torch
from torch import Tensor, nn

STATISTICS = ("running_mean", "running_var")
"""How names of statistics end, in torch and in what builds on it."""


def averaged_copy(network: nn.Module) -> nn.Module:
    """A network whose weights are about to `follow` another's, which they equal so far."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights, and running statistics of normalisation, towards a network's, in place.

    All else that a network holds is copied: counts have no average, nor have infinities, which stand in masks of
    attention.

    Args:
        averaged: what `averaged_copy` made of the network.
        network: after a step.
        decay: d, in [0, 1).
        step: t, how many steps of the whole training were done before this one.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    old, new = _moving(averaged), _moving(network)
    torch._foreach_lerp_([*old.values()], [*new.values()], share)  # pyright: ignore[reportPrivateImportUsage]
    kept = dict(averaged.named_buffers())
    for name, buffer in network.named_buffers():
        if name not in new:
            kept[name].copy_(buffer)


def _moving(network: nn.Module) -> dict[str, Tensor]:
    statistics = {name: each for name, each in network.named_buffers() if name.endswith(STATISTICS)}
    return dict(network.named_parameters()) | statistics
