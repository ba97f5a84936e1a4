"""A run that goes on needs its folder and its data, and none of the weights it was begun with."""

import json
import shutil
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path

import pytest
import torch
import transformers
from images import Squares, Tiny, tiny_recipe
from safetensors.torch import load_file, save_file
from torch import nn

from weakseg import Fit, Phase, SeedsOnly
from weakseg.errors import NetworkUnavailable, RunInvalid
from weakseg.networks import (
    DeepLabV3Plus,
    FrozenStatistics,
    ImageLevelPrior,
    Pretrained,
    UNet,
    Untrained,
    Vgg16LargeFov,
    learning_parameters,
)
from weakseg.runs.run import open_run
from weakseg.train.loop import train_recipe


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Networks whose least width is a hundred megabytes are built with few channels; nothing else about them is."""
    monkeypatch.setattr("weakseg.pretrained.vgg._CHANNELS", ((8, 8), (8, 8), (8, 8, 8), (8, 8, 8), (8, 8, 512)))
    head = transformers.UperNetConfig
    monkeypatch.setattr(head, "__init__", partialmethod(head.__init__, hidden_size=8))


def _classifier(folder: Path) -> str:
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, num_labels=7)
    transformers.MobileNetV2ForImageClassification(config).save_pretrained(folder)
    return str(folder)


def _backbone(folder: Path) -> str:
    sizes = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    config = transformers.Dinov2Config(**sizes, image_size=28, patch_size=14)
    transformers.Dinov2Model(config).save_pretrained(folder)
    return str(folder)


def _vgg(folder: Path) -> str:
    body = Vgg16LargeFov(width=8).build(3, 2).body
    stored = {name: tensor for name, tensor in body.state_dict().items() if "features" in name}
    wide = {"classifier.0": (8, 512 * 49), "classifier.3": (8, 8)}
    stored |= {f"{name}.weight": 0.01 * torch.randn(shape) for name, shape in wide.items()}
    save_file(stored | {f"{name}.bias": torch.zeros(8) for name in wide}, folder / "vgg.safetensors")
    return str(folder / "vgg.safetensors")


@dataclass(frozen=True)
class Mine:
    """A network of the user's own that says what learns, and how fast, only where it is built."""

    weights: str

    def build(self, channels: int, classes: int) -> nn.Module:
        """With weights of before, the normalisation's scale frozen and the last layer fresh."""
        network = Tiny(0.0).build(channels, classes)
        network[0].load_state_dict(load_file(self.weights))
        network[1].weight.requires_grad_(False)
        network.fresh_parameters = frozenset({"4.weight", "4.bias"})
        return network

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """Without."""
        return Tiny(0.0).build(channels, classes)


def _own(folder: Path) -> str:
    save_file(nn.Conv2d(1, 8, 3, 2, 1).state_dict(), folder / "mine.safetensors")
    return str(folder / "mine.safetensors")


SPECS = {
    "Pretrained": lambda folder: Pretrained(_classifier(folder)),
    "a backbone": lambda folder: Pretrained(_backbone(folder)),
    "FrozenStatistics": lambda folder: FrozenStatistics(Pretrained(_classifier(folder))),
    "ImageLevelPrior": lambda folder: ImageLevelPrior(Pretrained(_classifier(folder))),
    "Untrained": lambda folder: Untrained(_classifier(folder)),
    "DeepLabV3Plus": lambda folder: DeepLabV3Plus(_classifier(folder), width=8),
    "Vgg16LargeFov": lambda folder: Vgg16LargeFov(_vgg(folder), width=8),
    "UNet": lambda folder: UNet(8, 1),
    "Mine": lambda folder: Mine(_own(folder)),
}


def _begun(spec, place: Path, epochs: int = 2):
    """The recipe, and its run after one epoch of two beside the one that nobody stopped."""
    torch.manual_seed(0)
    (place / "weights").mkdir()
    phase = Phase(Fit(SeedsOnly()), epochs=2, learning_rate=1e-3)
    recipe = tiny_recipe(
        training=Squares(4), validation=Squares(1), network=spec(place / "weights"), phases=(phase,), validate_every=2
    )
    train_recipe(recipe, place / "whole", device="cpu")
    stopped = shutil.copytree(place / "whole", place / "stopped")
    (stopped / "last.safetensors").unlink()
    return recipe


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_run_goes_on_without_the_weights_it_was_begun_with(spec, tmp_path):
    """After one epoch of two the weights' folder goes away; the end is that of a run nobody stopped, bit by bit.

    The same parameters are frozen and fresh: by the network's own word, or by the record for people's own.
    """
    recipe = _begun(spec, tmp_path)
    built, run = learning_parameters.recorded(recipe.network.build(1, 2)), open_run(tmp_path / "stopped")
    shutil.rmtree(tmp_path / "weights")

    assert learning_parameters.recorded(run.rebuilt(recipe.network, 1, 2)) == built
    del run.record["learning"]
    own_word = learning_parameters.recorded(run.rebuilt(recipe.network, 1, 2)) == built
    assert own_word is not isinstance(recipe.network, Mine)

    train_recipe(recipe, tmp_path / "stopped", device="cpu", resume=True)

    whole, again = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "stopped"))
    assert any(name.startswith("optimizer.") for name in whole)
    assert whole.keys() == again.keys()
    assert [name for name in whole if not torch.equal(whole[name], again[name])] == []
    assert open_run(tmp_path / "stopped").epochs_done == 2


def test_a_run_without_a_checkpoint_begins_with_its_pretrained_weights(tmp_path):
    """It was killed in its first epoch: there is nothing else to begin with, and without them that is told."""
    recipe = _begun(SPECS["Pretrained"], tmp_path)
    for file in (*(tmp_path / "stopped").glob("*.safetensors"), tmp_path / "stopped" / "metrics.jsonl"):
        file.unlink()
    (tmp_path / "weights").rename(tmp_path / "away")
    with pytest.raises(NetworkUnavailable, match="there are no weights named"):
        train_recipe(recipe, tmp_path / "stopped", device="cpu", resume=True)
    (tmp_path / "away").rename(tmp_path / "weights")

    train_recipe(recipe, tmp_path / "stopped", device="cpu", resume=True)

    whole, again = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "stopped"))
    assert [name for name in whole if not torch.equal(whole[name], again[name])] == []


def test_moments_of_other_parameters_are_not_taken(tmp_path):
    """A record of before says nothing of what learns; where `rebuild` does not either, that is told."""
    recipe = _begun(SPECS["Mine"], tmp_path)
    file = tmp_path / "stopped" / "run.json"
    record = json.loads(file.read_text())
    del record["learning"]
    file.write_text(json.dumps(record))

    with pytest.raises(RunInvalid, match="moments have other shapes"):
        train_recipe(recipe, tmp_path / "stopped", device="cpu", resume=True)
