"""What every architecture promises, from the smallest network of its kind and without any download."""

import json
from pathlib import Path

import pytest
import torch
from tiny_networks import CONFIGS
from torch import nn

from weakseg.networks.network import Network
from weakseg.networks.unet import UNet
from weakseg.pretrained.deeplab import DeepLabV3Plus
from weakseg.pretrained.pretrained import Untrained

CLASSES = 5
STRIDES = {"mobilenet_v2": 16, "mobilevit": 16, "segformer": 4, "beit": 4, "dpt": 1}
STRIDES |= {"upernet_convnext": 4, "upernet_swin": 4, "upernet_dinov2": 14, "UNet": 2, "DeepLabV3Plus": 4}
OWN = {"unet": UNet(width=8, depth=2), "deeplab": DeepLabV3Plus(width=8)}


@pytest.fixture(params=[*CONFIGS, *OWN])
def spec(request, described):
    """How to make a tiny network."""
    return OWN[request.param] if request.param in OWN else Untrained(described(request.param))


def _build(spec, channels: int = 3) -> Network:
    torch.manual_seed(0)
    return spec.build(channels, CLASSES)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_any_image_gives_finite_logits(spec, channels):
    """Images of any size and number of channels go in; the logits are finite and have a cell or more."""
    network = _build(spec, channels).eval()
    for height, width in [(1, 1), (33, 47), (70, 20)]:
        with torch.no_grad():
            logits = network(torch.rand(2, channels, height, width))
        assert logits.shape[:2] == (2, CLASSES)
        assert min(logits.shape[2:]) >= 1
        assert logits.isfinite().all()


def test_stride_is_pixels_per_cell(spec):
    """`stride` times the logits' size is the image's size, where the image needs no resizing."""
    network = _build(spec).eval()
    height, width = 2 * network.tile_px, 3 * network.tile_px
    logits = network(torch.rand(1, 3, height, width))
    assert (logits.shape[2] * network.stride, logits.shape[3] * network.stride) == (height, width)
    assert network.stride == STRIDES[Path(spec.config).name if isinstance(spec, Untrained) else type(spec).__name__]


def test_every_learning_parameter_gets_a_gradient(spec):
    """One image in a batch is enough to train, and no parameter waits for a gradient that never comes."""
    network = _build(spec).train()
    network(torch.rand(1, 3, 33, 47)).log_softmax(1)[:, 0].sum().backward()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_images_do_not_see_their_batch(spec):
    """In evaluation an image's logits are the same whatever lies beside it, and in whatever order."""
    network = _build(spec).eval()
    images = torch.rand(3, 3, 40, 56)
    with torch.no_grad():
        together, turned, alone = network(images), network(images.flip(0)), network(images[:1])
    torch.testing.assert_close(together, turned.flip(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("channels", [3, 6])
def test_a_rebuilt_network_is_the_same_network(spec, channels):
    """The config through JSON, and the weights, are all that a run must keep."""
    network = _build(spec, channels).eval()
    again = spec.rebuild(channels, CLASSES, json.loads(json.dumps(network.config))).eval()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, channels, 33, 47)
    with torch.no_grad():
        assert torch.equal(network(image), again(image))
    assert again.stride == network.stride


def test_no_batch_normalisation_forgets_at_once(spec):
    """Running statistics are means over many batches, not the last one's."""
    momenta = {m.momentum for m in _build(spec).modules() if isinstance(m, nn.BatchNorm2d)}
    assert all(momentum <= 0.5 for momentum in momenta)
