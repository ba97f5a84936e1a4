"""A checkpoint's own preprocessing is taken where it is sound, its family's where there is none, and nothing else."""

import json
import math

import numpy as np
import pytest
import torch
import transformers

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.preprocessing import blue_first, normalisation
from weakseg.pretrained.pretrained import Pretrained


def test_normalisation_follows_the_family_where_no_file_says(tmp_path):
    """MobileNets were trained on [-1, 1], MobileViT on [0, 1] with blue first, most others on ImageNet's moments."""
    assert normalisation(tmp_path, "mobilenet_v2", 3)["std"] == (0.5, 0.5, 0.5)
    assert normalisation(tmp_path, "segformer", 3)["mean"] == (0.485, 0.456, 0.406)
    assert normalisation(tmp_path, "mobilevit", 3) == {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    assert [blue_first(tmp_path, family) for family in ("mobilevit", "segformer")] == [True, False]
    (tmp_path / "preprocessor_config.json").write_text('{"do_flip_channel_order": false, "do_normalize": null}')
    assert not blue_first(tmp_path, "mobilevit")
    assert normalisation(tmp_path, "segformer", 3)["std"] == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("key", ["image_mean", "image_std"])
@pytest.mark.parametrize(
    "value", ["half", 0.5, [], [0.5, 0.5], [0.5] * 4, [0.5, "half", 0.5], [True] * 3, [math.nan] * 3, [10**400] * 3, {}]
)
def test_moments_that_cannot_be_are_told_and_the_advice_helps(tmp_path, key, value):
    """With the file, the setting and what should be there; without the setting it is the family's."""
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({key: value}))
    with pytest.raises(NetworkUnavailable, match=rf"{file}: {key} is .*\nExpected: 3 numbers from .*\n.*this setting"):
        normalisation(tmp_path, "segformer", 3)

    file.write_text("{}")
    assert normalisation(tmp_path, "segformer", 3)["std"] == (0.229, 0.224, 0.225)


def test_a_deviation_of_nothing_is_told(tmp_path):
    """Images would become infinite; a mean of 0 is a mean."""
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0, 0, 0], "image_std": [1, 0, 1]}')
    with pytest.raises(NetworkUnavailable, match=r"image_std is \[1, 0, 1\]"):
        normalisation(tmp_path, "segformer", 3)


@pytest.mark.parametrize("value", ["no", 1, [], {}])
def test_a_switch_is_on_or_off(tmp_path, value):
    """A text "no" is not taken for yes."""
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"do_normalize": value, "do_flip_channel_order": value}))
    with pytest.raises(NetworkUnavailable, match="do_normalize is .*\nExpected: true or false"):
        normalisation(tmp_path, "segformer", 3)
    with pytest.raises(NetworkUnavailable, match="do_flip_channel_order is .*\nExpected: true or false"):
        blue_first(tmp_path, "segformer")


SCALES = [
    {},
    {"do_rescale": True, "rescale_factor": 1 / 255},
    {"do_rescale": True, "rescale_factor": 1 / 127.5},
    {"do_rescale": False, "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]},
    {"do_rescale": False, "rescale_factor": 1 / 255, "do_normalize": False},
    {"rescale_factor": 1, "do_normalize": False},
    {"rescale_factor": 1 / 128, "do_normalize": False},
]


@pytest.mark.parametrize("stated", SCALES)
def test_a_image_is_scaled_as_the_checkpoint_s_own_processor_does(tmp_path, stated):
    """Of eight bits; whether they are divided by 255, by something else or by nothing."""
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(stated))
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    processor = transformers.SegformerImageProcessor(do_resize=False, **stated)
    expected = np.asarray(processor(image, return_tensors="np")["pixel_values"][0])

    ours = normalisation(tmp_path, "segformer", 3)

    mean, std = (np.array(ours[key])[:, None, None] for key in ("mean", "std"))
    np.testing.assert_allclose((image.transpose(2, 0, 1) / 255 - mean) / std, expected, rtol=1e-5, atol=1e-5)


def test_a_scale_that_is_shifted_is_honoured(tmp_path):
    """To [-1, 1], with no moments beside it."""
    stated = {"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(stated))
    assert normalisation(tmp_path, "segformer", 3) == {"mean": (0.5,) * 3, "std": (0.5,) * 3}


@pytest.mark.parametrize("value", ["1/255", 0, -1, 1e-30, 1e30, math.nan, [1], True, None, {}])
def test_a_scale_that_cannot_be_is_told_and_the_advice_helps(tmp_path, value):
    """With the file and what should be there; a switch is one, too."""
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"rescale_factor": value}))
    with pytest.raises(
        NetworkUnavailable, match=rf"{file}: rescale_factor is .*\nExpected: a number.*\n.*this setting"
    ):
        normalisation(tmp_path, "segformer", 3)
    file.write_text('{"do_rescale": "yes"}')
    with pytest.raises(NetworkUnavailable, match="do_rescale is 'yes'\nExpected: true or false"):
        normalisation(tmp_path, "segformer", 3)

    file.write_text("{}")
    assert normalisation(tmp_path, "segformer", 3)["std"] == (0.229, 0.224, 0.225)


def test_a_network_sees_what_its_checkpoint_s_scale_makes_of_a_image(classifier):
    """The same weights, told in numbers from 0 to 255 and in numbers from 0 to 1, give the same logits."""
    file = classifier / "preprocessor_config.json"
    image, found = torch.rand(1, 3, 32, 32), []
    for stated in (
        {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]},
        {"do_rescale": False, "image_mean": [127.5, 102, 76.5], "image_std": [51, 51, 25.5]},
    ):
        file.write_text(json.dumps(stated))
        torch.manual_seed(0)
        found.append(Pretrained(str(classifier)).build(3, 5).eval()(image))
    torch.testing.assert_close(found[0], found[1])
