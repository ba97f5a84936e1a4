"""Depthwise convolutions in float32: the same network, wherever bfloat16 is slow."""

import copy

import pytest
import torch
from torch import nn

from weakseg.networks.depthwise import DepthwiseConv2d, depthwise_in_float32


def layers() -> nn.Sequential:
    """A plain convolution, then depthwise ones: plain, strided, dilated."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 3, groups=8, stride=2),
        nn.Conv2d(16, 16, 3, groups=16, dilation=2),
    )


def test_strided_and_dilated_depthwise_ones_alone_are_changed():
    """Parameters keep their names and values, and a copy stays what it is."""
    network = layers()
    before = copy.deepcopy(network.state_dict())
    depthwise_in_float32(network)
    assert [type(layer) is DepthwiseConv2d for layer in copy.deepcopy(network)] == [False, False, True, True]
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in after)


@pytest.mark.parametrize("bf16", [False, True])
def test_outputs_and_gradients_are_those_of_the_convolution(bf16):
    """To the bit in float32; in mixed precision in the dtype of before, and nearer to float32 than without."""
    plain, image = layers(), torch.rand(2, 3, 40, 40)
    exact = plain(image)
    changed = copy.deepcopy(plain)
    depthwise_in_float32(changed)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        ours, theirs = changed(image), plain(image)
    assert ours.dtype == theirs.dtype
    assert (ours - exact).abs().mean() <= (theirs - exact).abs().mean()
    ours.float().square().sum().backward()
    theirs.float().square().sum().backward()
    for mine, given in zip(changed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, given.grad, rtol=0.05 if bf16 else 0, atol=0.02 if bf16 else 0)


def test_predictions_are_made_as_if_nothing_had_been_changed():
    """Only gradients are slow; float32 would make predicting a third slower."""
    plain, image = layers(), torch.rand(2, 3, 40, 40)
    changed = copy.deepcopy(plain)
    depthwise_in_float32(changed)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(changed(image), plain(image))
