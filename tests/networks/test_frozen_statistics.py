"""Batch normalisation that keeps the statistics of pretraining."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from weakseg.networks import DeepLabV3Plus, Pretrained
from weakseg.networks.frozen_statistics import FrozenStatistics


@dataclass(frozen=True)
class Normalised:
    """A convolution and its normalisation."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """Fresh weights."""
        return nn.Sequential(nn.Conv2d(channels, classes, 1), nn.BatchNorm2d(classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same."""
        return self.build(channels, classes)


@pytest.mark.parametrize("kind", [Normalised, Pretrained, DeepLabV3Plus])
def test_a_image_is_predicted_alike_in_any_batch_while_training(kind, classifier):
    """Statistics neither come from the batch nor move, whatever kind of normalisation a network has."""
    spec = FrozenStatistics(Normalised() if kind is Normalised else kind(str(classifier)))
    network = spec.build(3, 2).train()
    for dropout in network.modules():
        if isinstance(dropout, nn.Dropout | nn.Dropout2d):
            dropout.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.rand(4, 3, 32, 32)

    torch.testing.assert_close(network(images)[:1], network(images[:1]))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_scales_are_still_learnt():
    """Only the statistics are frozen."""
    network = FrozenStatistics(Normalised()).build(3, 2).train()
    network(torch.rand(1, 3, 8, 8)).square().sum().backward()

    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_a_rebuilt_network_takes_the_weights_of_the_first():
    """Names are those of the plain network."""
    spec = FrozenStatistics(Normalised())
    first = spec.build(3, 2)
    again = spec.rebuild(3, 2, {}).train()
    again.load_state_dict(first.state_dict())
    images = torch.rand(2, 3, 8, 8)

    torch.testing.assert_close(first(images), again(images))
