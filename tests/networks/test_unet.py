"""The network that needs no download: aligned, free of its batch, quick."""

import pytest
import torch
from torch import nn

from weakseg.errors import RecipeInvalid
from weakseg.networks.unet import UNet


def test_a_mirrored_network_mirrors_its_logits():
    """Kernels and image mirrored together give mirrored logits, so no layer shifts the map to one side."""
    torch.manual_seed(0)
    network = UNet(width=8).build(3, 4)
    image = torch.rand(1, 3, 32, 48)
    expected = network(image).flip(3)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.flip(3)
    torch.testing.assert_close(network(image.flip(3)), expected, atol=1e-5, rtol=1e-4)


def test_training_does_not_see_the_batch():
    """In training mode too, an image's logits are the same alone and in company."""
    network = UNet(width=8, depth=2).build(1, 3).train()
    images = torch.rand(3, 1, 32, 32)
    torch.testing.assert_close(network(images)[:1], network(images[:1]), atol=1e-5, rtol=1e-4)


def test_logits_have_half_the_resolution():
    """Stride 2, from any depth."""
    for depth in (1, 3):
        network = UNet(width=8, depth=depth).build(2, 5)
        assert network.stride == 2
        assert network(torch.rand(1, 2, 96, 128)).shape == (1, 5, 48, 64)


def test_a_few_steps_learn_a_colour():
    """Bright against dark is learnt to the last pixel within thirty steps."""
    torch.manual_seed(0)
    network = UNet(width=8, depth=2).build(1, 2)
    truth = (torch.rand(4, 1, 4, 4) > 0.5).float()
    image = nn.functional.interpolate(truth, (32, 32))
    target = nn.functional.interpolate(truth, (16, 16))[:, 0].long()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(30):
        loss = nn.functional.cross_entropy(network(image), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (network(image).argmax(1) == target).float().mean() > 0.98


@pytest.mark.parametrize("wrong", [{"width": 4}, {"width": 20}, {"depth": 0}], ids=str)
def test_a_width_that_cannot_be_normalised_in_groups_is_refused(wrong):
    """A multiple of 8 it is, and there is a level to go down to."""
    with pytest.raises(RecipeInvalid, match="U-Net"):
        UNet(**wrong)
