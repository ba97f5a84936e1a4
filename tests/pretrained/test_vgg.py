"""The first paper's network, on tiny images and without its weights."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.vgg import Vgg16LargeFov


@pytest.fixture(scope="module")
def tensors():
    """Random weights with torchvision's names; its two wide layers have 16 features here instead of 4096."""
    generator = torch.Generator().manual_seed(0)
    features = {n: p for n, p in Vgg16LargeFov(width=8).build(3, 2).body.state_dict().items() if "features" in n}
    wide = {"classifier.0": (16, 512 * 49), "classifier.3": (16, 16)}
    stored = {f"{n}.weight": torch.randn(shape, generator=generator) * 0.01 for n, shape in wide.items()}
    return features | stored | {f"{n}.bias": torch.arange(16.0) for n in wide}


def _write(folder, tensors):
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, folder / "vgg.safetensors")
    return str(folder / "vgg.safetensors")


def test_its_layers_are_the_papers():
    """fc6 is 4 x 4 dilated by 4 with 4096 features, stage five is dilated by 2, and a cell is 8 pixels."""
    with torch.device("meta"):
        fc6 = nn.Conv2d(512, 4096, 4, padding=6, dilation=4)
    network = Vgg16LargeFov(width=64).build(3, 21)
    mine = network.body.fc6
    assert Vgg16LargeFov().width == fc6.out_channels
    assert (mine.kernel_size, mine.dilation, mine.padding) == (fc6.kernel_size, fc6.dilation, fc6.padding)
    dilations = [layer.dilation[0] for layer in network.body.features if isinstance(layer, nn.Conv2d)]
    assert dilations == [1] * 10 + [2] * 3
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.5]
    assert network.stride == 8
    assert network.body.fc8.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert network.body.fc8.bias.abs().sum() == 0
    assert network.fresh_parameters == frozenset()


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_any_image_trains(channels):
    """Odd sizes and other numbers of channels give finite logits and gradients."""
    network = Vgg16LargeFov(width=8).build(channels, 4)
    logits = network(torch.rand(1, channels, 33, 47))
    assert logits.shape == (1, 4, 5, 6)
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_a_mirrored_network_mirrors_its_logits():
    """No layer shifts the map to one side: not the even kernel of fc6, nor a pooling."""
    network = Vgg16LargeFov(width=8).build(3, 4).eval()
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        expected = network(image).flip(3)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.data = layer.weight.flip(3)
        torch.testing.assert_close(network(image.flip(3)), expected, atol=1e-5, rtol=1e-3)


def test_torchvisions_weights_load(tmp_path, tensors):
    """Features as they are; fc6 from every second row and column; every second feature where half are wanted."""
    network = Vgg16LargeFov(_write(tmp_path, tensors), width=8).build(3, 2)
    state = network.body.state_dict()
    assert torch.equal(state["features.28.weight"], tensors["features.28.weight"].half().float())
    seven = tensors["classifier.0.weight"].half().float().view(16, 512, 7, 7)
    assert torch.equal(state["fc6.weight"][3, :, 1, 2], seven[6, :, 2, 4])
    assert state["fc7.bias"].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert network.fresh_parameters == {"body.fc8.weight", "body.fc8.bias"}


def test_an_incomplete_file_is_refused(tmp_path, tensors):
    """A missing layer would stay random; the message names it."""
    some = {name: tensor for name, tensor in tensors.items() if name != "features.10.weight"}
    with pytest.raises(NetworkUnavailable, match="features.10.weight"):
        Vgg16LargeFov(_write(tmp_path, some), width=8).build(3, 2)


def test_a_missing_file_is_named(tmp_path):
    """The message says which file, and how torchvision's own becomes one."""
    with pytest.raises(NetworkUnavailable, match="no.safetensors.*\n.*\n.*save_file"):
        Vgg16LargeFov(str(tmp_path / "no.safetensors"), width=8).build(3, 2)


def test_a_rebuilt_network_is_the_same_network(tmp_path, tensors):
    """Without the file, from the weights of the run alone."""
    spec = Vgg16LargeFov(_write(tmp_path, tensors), width=8)
    network = spec.build(3, 2).eval()
    (tmp_path / "vgg.safetensors").unlink()
    again = spec.rebuild(3, 2, network.config).eval()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 20, 24)
    assert torch.equal(network(image), again(image))
