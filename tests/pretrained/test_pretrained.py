"""Pretrained weights arrive where they belong, in the shape our images need, or not at all."""

import json
import os
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from weakseg.errors import NetworkUnavailable, RecipeInvalid
from weakseg.pretrained.pretrained import Pretrained, Untrained


def _edit(file: Path, **settings):
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def test_a_classifier_becomes_a_segmentation_network(classifier):
    """The backbone's weights are the checkpoint's, in single precision; only the head is fresh."""
    network = Pretrained(str(classifier)).build(3, 5)
    stored = load_file(classifier / "model.safetensors")
    state = network.state_dict()
    name = "mobilenet_v2.layer.3.expand_1x1.convolution.weight"
    assert torch.equal(state[f"body.{name}"], stored[name].float())
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert network.fresh_parameters == {n for n, _ in network.named_parameters() if "segmentation_head" in n}
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 5, 2, 2)


def test_a_segmentation_head_is_kept_if_it_fits(classifier, tmp_path):
    """With as many classes as the checkpoint has, nothing is fresh; with others, the last layer is."""
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, num_labels=5)
    transformers.MobileNetV2ForSemanticSegmentation(config).save_pretrained(tmp_path / "five")
    assert Pretrained(str(tmp_path / "five")).build(3, 5).fresh_parameters == frozenset()
    last = "body.segmentation_head.classifier.convolution."
    assert Pretrained(str(tmp_path / "five")).build(3, 4).fresh_parameters == {f"{last}weight", f"{last}bias"}


def test_a_backbone_gets_a_head(tmp_path):
    """DINOv2 has no segmentation network of its own; its weights go under a UperNet head."""
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=8, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.Dinov2Model(config).save_pretrained(tmp_path / "dino")
    network = Pretrained(str(tmp_path / "dino")).build(3, 5).eval()
    name = "encoder.layer.7.mlp.fc1.weight"
    stored = load_file(tmp_path / "dino" / "model.safetensors")
    assert torch.equal(network.state_dict()[f"body.backbone.{name}"], stored[name])
    assert network.fresh_parameters == {n for n, _ in network.named_parameters() if "decode_head" in n}
    again = Pretrained("").rebuild(3, 5, json.loads(json.dumps(network.config))).eval()
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 30, 45)
    assert torch.equal(network(image), again(image))
    assert again.fresh_parameters == network.fresh_parameters


@pytest.mark.skipif("WEAKSEG_WEIGHTS" not in os.environ, reason="WEAKSEG_WEIGHTS is not set")
def test_imagenet_weights_load_by_name():
    """The shared MobileNetV2 is found on the shelf, and all but its head is trained."""
    network = Pretrained("mobilenet_v2_imagenet").build(3, 21)
    assert network.fresh_parameters == {n for n, _ in network.named_parameters() if "segmentation_head" in n}
    assert network.stride == 16


def test_random_backbones_are_refused(classifier):
    """A checkpoint without some of the backbone's tensors is an error that names them."""
    weights = load_file(classifier / "model.safetensors")
    name = "mobilenet_v2.layer.3.expand_1x1.convolution.weight"
    del weights[name]
    save_file(weights, classifier / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NetworkUnavailable, match="lack 1 tensors.*layer.3.expand_1x1"):
        Pretrained(str(classifier)).build(3, 5)


def test_weights_of_another_size_are_refused(classifier):
    """A config that describes a wider network than the weights are for is an error."""
    _edit(classifier / "config.json", depth_multiplier=0.5)
    with pytest.raises(NetworkUnavailable, match="in another shape"):
        Pretrained(str(classifier)).build(3, 5)


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", "{"), ("config.json", '{"model_type": "no_such"}'), ("model.safetensors", "cut")],
)
def test_broken_checkpoints_are_explained(classifier, file, content):
    """A damaged file gives a message that names the checkpoint, and no traceback of somebody else's."""
    (classifier / file).write_text(content)
    with pytest.raises(NetworkUnavailable, match=str(classifier)):
        Pretrained(str(classifier)).build(3, 5)


def test_pickled_weights_are_not_opened(classifier):
    """Pickles can run code, so a checkpoint without safetensors is refused."""
    torch.save(load_file(classifier / "model.safetensors"), classifier / "pytorch_model.bin")
    (classifier / "model.safetensors").unlink()
    with pytest.raises(NetworkUnavailable, match="safetensors"):
        Pretrained(str(classifier)).build(3, 5)


def test_normalisation_is_the_checkpoints_own(classifier):
    """Mean and deviation stand in its preprocessing file, and afterwards in the network's config."""
    network = Pretrained(str(classifier)).build(3, 5)
    assert network.config["mean"] == (0.5, 0.25, 0.5)
    assert network.std.flatten().tolist() == pytest.approx([0.5, 0.5, 0.2])
    (classifier / "preprocessor_config.json").unlink()
    assert Pretrained(str(classifier)).build(3, 5).config["mean"] == (0.5, 0.5, 0.5)


def test_one_channel_counts_as_grey(classifier):
    """A one-channel image gives the logits of the grey image with three."""
    grey, colour = Pretrained(str(classifier)).build(1, 5), Pretrained(str(classifier)).build(3, 5)
    colour.load_state_dict(grey.state_dict())
    image = torch.rand(1, 1, 32, 48)
    torch.testing.assert_close(grey.eval()(image), colour.eval()(image.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("channels", [2, 6])
def test_more_channels_keep_activations_their_size(classifier, channels):
    """With the same value in all channels, the first convolution answers as it does to a grey image."""
    (classifier / "preprocessor_config.json").unlink()
    many, colour = Pretrained(str(classifier)).build(channels, 5), Pretrained(str(classifier)).build(3, 5)
    first = lambda network: network.body.mobilenet_v2.conv_stem.first_conv.convolution  # noqa: E731
    image = torch.rand(1, 1, 9, 9)
    expected = first(colour)(image.repeat(1, 3, 1, 1))
    torch.testing.assert_close(first(many)(image.repeat(1, channels, 1, 1)), expected)
    assert not any("first_conv" in name for name in many.fresh_parameters)


def test_a_checkpoint_may_have_channels_of_its_own(tmp_path):
    """A network for twelve channels takes twelve as they are, and other numbers by the same rule as three do."""
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, num_channels=12, num_labels=5)
    transformers.MobileNetV2ForSemanticSegmentation(config).save_pretrained(tmp_path / "twelve")
    for channels in (12, 4, 1):
        network = Pretrained(str(tmp_path / "twelve")).build(channels, 5).eval()
        assert network(torch.rand(1, channels, 32, 32)).shape == (1, 5, 2, 2)


def test_enlarging_makes_finer_logits(classifier):
    """An image enlarged twice has cells half as wide."""
    network = Pretrained(str(classifier), output_stride=8, enlarge=2.0).build(3, 5)
    assert network.stride == 4
    assert network(torch.rand(1, 3, 32, 48)).shape == (1, 5, 8, 12)
    with pytest.raises(RecipeInvalid, match="enlarge is 0.5"):
        Pretrained("any", enlarge=0.5)


def test_an_output_stride_is_refused_where_there_is_no_choice(described):
    """Only MobileNetV2 and MobileViT can trade strides for dilation."""
    with pytest.raises(RecipeInvalid, match="output_stride is 8, for a segformer"):
        Untrained(described("segformer"), output_stride=8).build(3, 5)


def test_untrained_needs_a_file(tmp_path):
    """A missing description is an error that names the file; nothing is looked up elsewhere."""
    with pytest.raises(NetworkUnavailable, match="no/config.json"):
        Untrained(str(tmp_path / "no" / "config.json")).build(3, 5)


def test_specs_are_their_own_record(tmp_path):
    """Their repr builds them again, and equal ones hash alike."""
    spec = Pretrained("a/b", output_stride=8)
    assert eval(repr(spec)) == spec
    assert hash(spec) == hash(Pretrained("a/b", output_stride=8))
