"""Each trap that docs/networks.md tells of stays shut."""

import pytest
import torch
import transformers
from torch import nn

from weakseg.pretrained.pretrained import Pretrained, Untrained
from weakseg.pretrained.transformers_patches import BatchNorm, tile_px


def _mobilenet(tmp_path, **settings):
    transformers.MobileNetV2Config(depth_multiplier=0.1, **settings).save_pretrained(tmp_path / "net")
    return Untrained(str(tmp_path / "net")).build(3, 5)


def test_mobilenet_statistics_are_a_running_mean(tmp_path):
    """transformers' momentum of 0.997 is the share TensorFlow keeps; torch would keep 0.003."""
    assert {m.momentum for m in _mobilenet(tmp_path).modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


@pytest.mark.parametrize(("stated", "dropped"), [(0.8, 0.2), (0.1, 0.1)])
def test_mobilenet_dropout_drops_the_smaller_share(tmp_path, stated, dropped):
    """A config's 0.8 is a keep probability; dropping 80 % of the features would ruin training."""
    network = _mobilenet(tmp_path, classifier_dropout_prob=stated)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout2d)] == [pytest.approx(dropped)]


@pytest.mark.parametrize(("stated", "stride"), [(32, 16), (16, 16), (8, 8)])
def test_a_classifiers_stride_is_too_coarse(tmp_path, stated, stride):
    """A config made for classification says 32; segmentation works at 16 unless the config is finer."""
    assert _mobilenet(tmp_path, output_stride=stated).stride == stride


def test_mobilenet_computes_no_layer_in_vain(tmp_path):
    """The classifier's last convolution, which the segmentation head does not read, is gone."""
    assert not any("conv_1x1." in name for name, _ in _mobilenet(tmp_path).body.mobilenet_v2.named_parameters())


@pytest.mark.parametrize("padding", [True, False])
@pytest.mark.parametrize("size", [512, 499])
def test_mobilenet_cells_lie_on_their_pixels(tmp_path, padding, size):
    """What a cell sees is centred on the pixels it stands for, to one pixel, for odd and even sizes."""
    network = _mobilenet(tmp_path, tf_padding=padding).eval()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 1.0 if parameter.ndim == 4 else 0.1)
    for layer in network.modules():
        if isinstance(layer, nn.ReLU6):
            layer.__class__ = nn.Identity
    # The pooled branch sees the whole image.
    nn.init.zeros_(network.body.segmentation_head.conv_pool.normalization.weight)
    image = torch.full((1, 3, size, size), 0.5, requires_grad=True)
    logits = network.double()(image.double())
    cell = logits.shape[2] // 2
    logits[0, 0, cell, cell].backward()
    seen = image.grad[0, 0].sum(1)
    centre = (seen * torch.arange(size)).sum() / seen.sum()
    pixels_per_cell = size / logits.shape[2]
    assert centre.item() == pytest.approx((cell + 0.5) * pixels_per_cell - 0.5, abs=1.0)


def test_dpt_takes_images_that_are_not_square(described):
    """transformers' DPT reads its tokens as a square; where the image is one, nothing changes."""
    network = Untrained(described("dpt")).build(3, 5).eval()
    wide = network(torch.rand(1, 3, 32, 96))
    assert wide.shape == (1, 5, 32, 96)
    image = torch.rand(1, 3, 64, 64)
    mended = network(image)
    network.body._forward_pre_hooks.clear()
    network.body.neck._forward_pre_hooks.clear()
    network.body.neck._forward_pre_hooks_with_kwargs.clear()
    assert torch.equal(mended, network(image))


def test_mobilevit_takes_red_first(tmp_path):
    """Apple trained on blue, green, red; ours are red, green, blue, so the first convolution is reversed."""
    config = transformers.MobileViTConfig(
        hidden_sizes=[8, 16, 24],
        neck_hidden_sizes=[8, 8, 8, 16, 16, 16, 24],
        num_attention_heads=2,
        aspp_out_channels=8,
        num_labels=5,
    )
    body = transformers.MobileViTForSemanticSegmentation(config)
    body.save_pretrained(tmp_path / "net")
    network = Pretrained(str(tmp_path / "net")).build(3, 5)
    theirs = body.mobilevit.conv_stem.convolution.weight
    assert torch.equal(network.body.mobilevit.conv_stem.convolution.weight, theirs.flip(1))
    assert network.fresh_parameters == frozenset()


def test_auxiliary_heads_are_left_out(described):
    """They take time, and nobody reads their logits."""
    network = Untrained(described("upernet_convnext")).build(3, 5)
    assert not any("auxiliary" in name for name, _ in network.named_parameters())


def test_parameters_without_influence_are_frozen(described):
    """Distributed training would wait for gradients that the first fusion layer of DPT never gets."""
    network = Untrained(described("dpt")).build(3, 5)
    assert any("residual_layer1" in name and not p.requires_grad for name, p in network.named_parameters())


def test_one_value_a_channel_uses_running_statistics():
    """After global pooling a single image has no variance; more values are normalised as torch does."""
    ours, theirs = BatchNorm(4), nn.BatchNorm2d(4)
    assert torch.equal(ours(torch.ones(1, 4, 1, 1)), ours.eval()(torch.ones(1, 4, 1, 1)))
    values = torch.rand(2, 4, 3, 3)
    assert torch.equal(ours.train()(values), theirs(values))
    assert torch.equal(ours.running_var, theirs.running_var)


def test_tiles_are_as_large_as_the_coarsest_cells():
    """Patches of plain transformers are doubled, pyramids end at 32 pixels, dilated networks at their stride."""
    assert tile_px(transformers.SegformerConfig()) == 32
    assert tile_px(transformers.DPTConfig(patch_size=14)) == 28
    assert tile_px(transformers.MobileNetV2Config(output_stride=8)) == 8
    assert tile_px(transformers.MobileViTConfig(output_stride=16)) == 32
