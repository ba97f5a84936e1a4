"""A run folder of somebody else's is opened without asking anybody anything."""

import json
import shutil

import pytest
import torch
import transformers
from images import Squares, tiny_recipe

import weakseg
from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.pretrained import Untrained
from weakseg.train.loop import train_recipe


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a UperNet on a tiny ConvNeXt, and what it predicts."""
    place = tmp_path_factory.mktemp("offline")
    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = transformers.ConvNextConfig(depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], out_features=stages)
    transformers.UperNetConfig(backbone_config=backbone, hidden_size=8).save_pretrained(place / "network")
    phase = weakseg.Phase(weakseg.Fit(weakseg.SeedsOnly()), epochs=1)
    recipe = tiny_recipe(network=Untrained(str(place / "network")), phases=(phase,), validate_every=1)
    return train_recipe(recipe, place / "run", device="cpu").path


def test_a_sound_run_predicts_without_network_or_the_folder_it_was_made_from(trained, tmp_path, asked):
    """The run alone is enough, wherever it was copied to."""
    shutil.copytree(trained, tmp_path / "run")
    moved = trained.parent / "network"
    moved.rename(trained.parent / "away")
    try:
        labels = weakseg.load(tmp_path / "run").labels(torch.from_numpy(Squares()[0].image))
    finally:
        (trained.parent / "away").rename(moved)

    assert labels.shape == (24, 24)
    assert asked == []


@pytest.mark.parametrize(
    "names",
    [
        {"backbone": "somebody/backbone", "backbone_config": None, "use_pretrained_backbone": True},
        {"backbone": "somebody/backbone", "backbone_config": None},
        {"backbone": "resnet18", "use_timm_backbone": True, "backbone_config": None},
        {"model_type": "dpt", "backbone": "somebody/backbone"},
    ],
)
@pytest.mark.parametrize("spec", ["Pretrained", "Untrained"])
def test_a_run_that_names_what_to_fetch_is_refused(trained, tmp_path, asked, names, spec):
    """One message with the file and the name, and nobody is asked."""
    shutil.copytree(trained, tmp_path / "run")
    record = json.loads((trained / "run.json").read_text())
    record["network_config"]["architecture"].update(names)
    kinds = {"Pretrained": {"name": "somebody/network"}, "Untrained": {"config": "somebody/network"}}
    record["recipe"]["network"] = {"type": f"weakseg.{spec}", **kinds[spec]}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))

    with pytest.raises(
        NetworkUnavailable, match=rf"run.json: the architecture needs a download: .*{names['backbone']}"
    ):
        weakseg.load(tmp_path / "run")

    assert asked == []
