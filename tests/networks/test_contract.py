"""What every network promises that a recipe may hold.

A published one of `networks/` is here by itself, with its defaults or the `EXAMPLES` of its test file.
Those of `pretrained/` are in tests/pretrained/test_architectures.py, from tiny checkpoints.
"""

import json
from pathlib import Path

import pytest
import torch
from published import missing, published, with_examples
from torch import nn

from weakseg.networks import FromModule, FrozenStatistics, ImageLevelPrior, UNet
from weakseg.typing import NetworkSpec

CLASSES = 5


def make_network(channels: int, classes: int) -> nn.Module:
    """A network of one's own."""
    return nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, classes, 1))


NETWORKS: list[NetworkSpec] = [
    UNet(8, 1),
    FromModule(make_network),
    FrozenStatistics(FromModule(make_network)),
    ImageLevelPrior(UNet(8, 1)),
]
KINDS = [kind for kind in published("build", "rebuild") if ".networks." in kind.__module__]
NETWORKS += with_examples(KINDS, NETWORKS)
each_network = pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: type(spec).__name__)


def built(spec: NetworkSpec, channels: int = 3) -> nn.Module:
    """A network with the same weights each time."""
    torch.manual_seed(0)
    return spec.build(channels, CLASSES)


def test_every_published_network_is_here():
    """One that needs a setting has `EXAMPLES = [...]` in the test file of its module."""
    assert missing(KINDS, NETWORKS) == []
    assert all(isinstance(spec, NetworkSpec) for spec in NETWORKS)
    elsewhere = {kind.__module__ for kind in published("build", "rebuild") if kind not in KINDS}
    assert all(module.startswith("weakseg.pretrained.") for module in elsewhere), elsewhere
    assert (Path(__file__).parents[1] / "pretrained" / "test_architectures.py").is_file()


@each_network
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_any_image_gives_finite_logits_that_cover_it(spec, channels):
    """Odd sizes and one pixel; black, white and noise."""
    network = built(spec, channels).eval()
    for height, width in [(1, 1), (33, 47), (70, 20)]:
        noise = torch.rand(1, channels, height, width)
        with torch.no_grad():
            logits = network(torch.cat([noise, torch.zeros_like(noise), torch.ones_like(noise)]))
        assert logits.shape[:2] == (3, CLASSES)
        assert 1 <= logits.shape[2] <= 2 * height
        assert 1 <= logits.shape[3] <= 2 * width
        assert logits.isfinite().all()


@each_network
def test_images_do_not_see_their_batch(spec):
    """In evaluation an image's logits are the same whatever lies beside it."""
    network, images = built(spec).eval(), torch.rand(3, 3, 40, 56)
    with torch.no_grad():
        together, alone = network(images), network(images[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


@each_network
def test_every_learning_parameter_gets_a_gradient(spec):
    """None waits for one that never comes, as processes that train together would."""
    network = built(spec).train()
    network(torch.rand(2, 3, 32, 32)).log_softmax(1)[:, 0].sum().backward()
    lost = [name for name, each in network.named_parameters() if each.requires_grad and each.grad is None]
    assert lost == []


@each_network
@pytest.mark.parametrize("channels", [1, 3])
def test_a_rebuilt_network_is_the_same_network(spec, channels):
    """The config through JSON, and the weights, are all that a run keeps."""
    network = built(spec, channels)
    network(torch.rand(2, channels, 32, 32))  # statistics move, where there are any
    network.eval()
    again = spec.rebuild(channels, CLASSES, json.loads(json.dumps(getattr(network, "config", {})))).eval()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, channels, 33, 47)
    with torch.no_grad():
        assert torch.equal(again(image), network(image))
