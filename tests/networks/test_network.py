"""The contract: images of any size in [0, 1], logits whose cells tile the image."""

import pytest
import torch
from batches import batch_of
from torch import nn

from weakseg import Fit, SeedsOnly
from weakseg.errors import EvidenceInvalid
from weakseg.networks.network import Network


class _Means(nn.Module):
    """Mean of each 4 x 4 block of the normalised image."""

    def __init__(self):
        super().__init__()
        self.scale, self.unused = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))

    def forward(self, image):
        return nn.functional.avg_pool2d(image, 4) * self.scale


def _network(**settings):
    how = {"tile_px": 8, "mean": (0.5,) * 3, "std": (0.25,) * 3, "config": {}}
    return Network(_Means(), 3, **{**how, **settings})


def test_images_are_normalised_for_the_body():
    """An image equal to the mean is zero inside; one deviation above it is one."""
    assert _network()(torch.full((1, 3, 8, 8), 0.5)).abs().max() == 0
    torch.testing.assert_close(_network()(torch.full((1, 3, 8, 8), 0.75)), torch.ones(1, 3, 2, 2))


def test_images_that_fit_are_not_touched():
    """Multiples of the tile go in pixel for pixel."""
    image = torch.rand(2, 3, 16, 24)
    expected = nn.functional.avg_pool2d((image - 0.5) / 0.25, 4)
    torch.testing.assert_close(_network()(image), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 16), (47, 33)])
def test_logits_cover_exactly_the_image(height, width):
    """A ramp from edge to edge comes back as the same ramp at any size, so no cell reaches over the border."""
    ramp = ((torch.arange(width) + 0.5) / width).expand(1, 3, height, width)
    logits = _network(mean=(0.0,) * 3, std=(1.0,) * 3)(ramp)
    cells = logits.shape[3]
    expected = (torch.arange(cells) + 0.5) / cells
    # Interpolation flattens half a pixel at each end.
    torch.testing.assert_close(logits[0, 0, 0], expected, atol=0.5 / width, rtol=0)


def test_stride_counts_the_images_own_pixels():
    """Enlarging divides the stride, which is whole where it can be."""
    assert (_network().stride, _network(enlarge=2.0).stride) == (4, 2)
    assert _network(enlarge=1.5).stride == pytest.approx(4 / 1.5)


def test_parameters_without_influence_are_frozen():
    """What the logits do not depend on asks for no gradient; the rest does, and the mode is left alone."""
    network = _network()
    assert network.body.scale.requires_grad
    assert not network.body.unused.requires_grad
    assert network.body.training


def test_another_number_of_channels_is_refused():
    """Broadcasting would take a one-channel image for a grey one, silently."""
    with pytest.raises(EvidenceInvalid, match="1 channels"):
        _network()(torch.rand(1, 1, 8, 8))


def test_normalisation_is_not_part_of_the_weights():
    """It stands in the config, so weights load into a network that was built from one."""
    assert set(_network().state_dict()) == {"body.scale", "body.unused"}


def test_any_module_with_the_right_shapes_can_be_trained():
    """A bare convolution meets the contract: an objective takes its logits, and it learns."""
    bare = nn.Conv2d(3, 4, 2, stride=2)
    seeds = torch.full((2, 8, 12), -1)
    seeds[:, 2, 3] = 1
    batch = batch_of(seeds)
    Fit(SeedsOnly())(bare(batch.image), batch).backward()
    assert bare.weight.grad.abs().sum() > 0
