"""DeepLabV3+ on MobileNetV2: the papers' layers, the checkpoint's weights, cells that lie on their pixels."""

import os
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import nn

from weakseg.errors import NetworkUnavailable, RecipeInvalid
from weakseg.pretrained.deeplab import DeepLabV3Plus


def _convolutions(part):
    return [layer for layer in part.modules() if isinstance(layer, nn.Conv2d)]


def test_its_layers_are_the_papers():
    """One branch of 1 x 1, three of 3 x 3 at 6, 12 and 18, one of the mean; 48 fine channels; separable throughout."""
    network = DeepLabV3Plus().build(3, 21)
    body = network.body
    assert [c.dilation[0] for c in _convolutions(body.branches) if c.kernel_size == (3, 3)] == [6, 12, 18]
    assert [c.in_channels for c in _convolutions(body.project)] == [5 * 256]
    assert [(c.in_channels, c.out_channels) for c in _convolutions(body.fine)] == [(24, 48)]
    wide = [c for c in _convolutions(body.decoder) if c.kernel_size == (3, 3)]
    assert [c.in_channels for c in wide] == [304, 256]
    head = [c for part in (body.branches, body.decoder) for c in _convolutions(part)]
    assert all((c.groups == c.in_channels) == (c.kernel_size == (3, 3)) for c in head)
    assert not any(c.dilation != (1, 1) and c.in_channels < 960 for c in _convolutions(body.encoder))
    assert network(torch.rand(1, 3, 64, 96)).shape == (1, 21, 16, 24)
    assert network.fresh_parameters == frozenset()


def test_the_encoder_is_transformers_own():
    """The features of stride 4 and the last ones are among the hidden states of their forward pass."""
    body = DeepLabV3Plus(width=8).build(3, 4).body.eval()
    image = torch.rand(2, 3, 48, 64)
    with torch.no_grad():
        fine, coarse = body._encoded(image)
        states = body.encoder(image, output_hidden_states=True).hidden_states
    assert torch.equal(fine, states[1])
    assert torch.equal(coarse, states[-1])
    assert (fine.shape[1:], coarse.shape[1:]) == ((24, 12, 16), (320, 3, 4))
    assert states[2].shape[2:] == (6, 8)


def test_every_branch_counts():
    """The logits change with each of the five branches and with the fine features."""
    body = DeepLabV3Plus(width=8).build(3, 4).body.eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = body(image)
        for part in (*body.branches, body.pooled, body.fine):
            last = [m for m in part.modules() if isinstance(m, nn.BatchNorm2d)][-1]
            nn.init.constant_(last.bias, 3.0)
            assert not torch.equal(body(image), before)
            nn.init.zeros_(last.bias)
        assert torch.equal(body(image), before)


@pytest.mark.parametrize(("part", "px"), [("fine", 0.6), ("branches.0", 1.6)])
@pytest.mark.parametrize("padding", [True, False])
def test_cells_lie_on_their_pixels(classifier, part, px, padding):
    """What a cell of either path sees is centred on the pixels it stands for."""
    spec = DeepLabV3Plus(str(classifier), width=8)
    config = {**spec.build(3, 2).config}
    config["architecture"] = {**config["architecture"], "tf_padding": padding}
    body = spec.rebuild(3, 2, config).body.double().eval()
    for parameter in body.parameters():
        nn.init.constant_(parameter, 1.0 if parameter.ndim == 4 else 0.1)
    for layer in body.modules():
        if isinstance(layer, nn.ReLU6 | nn.ReLU):
            layer.__class__ = nn.Identity
    image = torch.full((1, 3, 512, 512), 0.5, dtype=torch.double, requires_grad=True)
    seen = body.get_submodule(part)(body._encoded(image)[0 if part == "fine" else 1])
    cell = seen.shape[2] // 2
    seen[0, 0, cell, cell].backward()
    weight = image.grad[0, 0].sum(1)
    centre = (weight * torch.arange(512)).sum() / weight.sum()
    assert centre.item() == pytest.approx((cell + 0.5) * 512 / seen.shape[2] - 0.5, abs=px)


def test_a_classifiers_weights_are_taken_and_the_head_is_fresh(classifier):
    """In single precision, with the checkpoint's own normalisation; a rebuilt network needs none of its files."""
    spec = DeepLabV3Plus(str(classifier), width=8, enlarge=2.0)
    network = spec.build(3, 5).eval()
    stored = load_file(classifier / "model.safetensors")
    name = "layer.3.expand_1x1.convolution.weight"
    assert torch.equal(network.state_dict()[f"body.encoder.{name}"], stored[f"mobilenet_v2.{name}"].float())
    assert network.fresh_parameters == {n for n, _ in network.named_parameters() if "encoder." not in n}
    assert network.config["mean"] == (0.5, 0.25, 0.5)
    assert network.stride == 2
    shutil.rmtree(classifier)
    again = spec.rebuild(3, 5, network.config).eval()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 33, 47)
    assert torch.equal(network(image), again(image))
    assert again.fresh_parameters == network.fresh_parameters


def test_detail_finer_than_the_encoders_cells_is_learnt():
    """Stripes of four pixels, of which a cell of 16 holds four."""
    torch.manual_seed(0)
    network = DeepLabV3Plus(width=16).build(1, 2)
    stripes = (torch.arange(64) // 4 % 2).float()
    image = torch.stack([stripes.expand(64, 64), 1 - stripes.expand(64, 64), stripes[:, None].expand(64, 64)])[:, None]
    truth = image[:, 0, 2::4, 2::4].long()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(15):
        loss = nn.functional.cross_entropy(network(image), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (network(image).argmax(1) == truth).float().mean() > 0.98


def test_another_architecture_is_refused(tmp_path):
    """Its features have other strides; the message names the network that takes it."""
    config = transformers.SegformerConfig(depths=[1] * 4, hidden_sizes=[8] * 4, num_attention_heads=[1] * 4)
    transformers.SegformerForImageClassification(config).save_pretrained(tmp_path / "net")
    with pytest.raises(NetworkUnavailable, match=r"segformer[\s\S]*Pretrained\("):
        DeepLabV3Plus(str(tmp_path / "net")).build(3, 5)


def test_a_width_of_nothing_is_refused():
    """As an image made smaller is."""
    with pytest.raises(RecipeInvalid, match="width=0"):
        DeepLabV3Plus(width=0)
    with pytest.raises(RecipeInvalid, match="enlarge"):
        DeepLabV3Plus(enlarge=0.5)


@pytest.mark.skipif("WEAKSEG_WEIGHTS" not in os.environ, reason="WEAKSEG_WEIGHTS is not set")
def test_imagenet_weights_load_by_name():
    """The shared MobileNetV2 is the encoder of this network too."""
    network = DeepLabV3Plus("mobilenet_v2_imagenet", width=8).build(3, 21)
    assert network.fresh_parameters
    assert network.body.encoder.layer[0].conv_3x3.normalization.running_mean.abs().sum() > 0
