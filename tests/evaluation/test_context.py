"""How far a network looks is found by looking."""

import numpy as np
import pytest
import torch
from torch import nn

from weakseg.evaluation.context import context_of


def probabilities(network):
    """Of an image, by a network."""

    def of(image):
        with torch.inference_mode():
            return network(torch.from_numpy(image)[None]).softmax(1)[0].numpy()

    return of


def convolutions(reach):
    """A network that looks exactly this far."""
    torch.manual_seed(0)
    # Nine values, the outer ones `reach` away: all between would cost seconds, and say nothing more about reach.
    return nn.Conv2d(1, 2, 3, dilation=reach, padding=reach).eval() if reach else nn.Conv2d(1, 2, 1).eval()


class Pooled(nn.Module):
    """A pixel beside the mean of the image."""

    def forward(self, image):
        """Two classes."""
        return torch.cat([image[:, :1] * 4, image.mean((2, 3), keepdim=True).expand_as(image) * 4], 1)


@pytest.mark.parametrize(("reach", "halo"), [(0, 0), (1, 4), (4, 4), (5, 8), (12, 12), (31, 32)])
def test_the_halo_is_what_the_network_sees(reach, halo):
    """Rounded up to whole cells."""
    found = context_of(probabilities(convolutions(reach)), 1, 4, 64)
    assert (found.halo, found.change) == (halo, 0)
    assert found.remark == ""


def test_a_network_that_sees_everything_is_told_of():
    """With the largest halo that was asked for."""
    found = context_of(probabilities(Pooled()), 1, 4, 16)
    assert found.halo == 16
    assert found.change > 0.05
    assert "labels of large images depend on where windows lie" in found.remark


def test_measuring_is_deterministic():
    """A prediction that goes on needs the same halo."""
    one, other = (context_of(probabilities(convolutions(9)), 1, 4, 64) for _ in range(2))
    assert one == other
    assert np.isfinite(one.change)
