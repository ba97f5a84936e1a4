"""A checkpoint's own preprocessing is taken where it is sound, its family's where there is none, and nothing else."""

import json
import math

import pytest

from weakseg.errors import NetworkUnavailable
from weakseg.models.preprocessing import blue_first, normalisation


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
    with pytest.raises(NetworkUnavailable, match=rf"{file}: {key} is .*\nExpected: 3 numbers from .*\n.*setting out"):
        normalisation(tmp_path, "segformer", 3)

    file.write_text("{}")
    assert normalisation(tmp_path, "segformer", 3)["std"] == (0.229, 0.224, 0.225)


def test_a_deviation_of_nothing_is_told(tmp_path):
    """Pictures would become infinite; a mean of 0 is a mean."""
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
