"""Run folders: written whole, read safely, never overwritten."""

import json
import os
from dataclasses import replace
from pathlib import Path

import farms
import numpy as np
import pytest
import torch
from images import Squares, Tiny, tiny_recipe
from safetensors import SafetensorError

import weakseg
from weakseg.data.scenes import Scenes
from weakseg.errors import DataInvalid, EvidenceInvalid, RecipeInvalid, RunInvalid, WriteRefused
from weakseg.recipe.recipe import with_epochs
from weakseg.runs import checkpoint
from weakseg.runs.run import Run, open_run, read_metrics
from weakseg.train.loop import train_recipe


class _Unmasked(Squares):
    """Images without truth."""

    def __getitem__(self, index):
        return replace(super().__getitem__(index), truth=None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished tiny run."""
    return train_recipe(tiny_recipe(), tmp_path_factory.mktemp("runs") / "tiny", device="cpu")


def test_a_loaded_network_predicts_what_was_trained(run):
    """weakseg.load gives a predictor in one line; a network of one's own is passed again."""
    predictor = weakseg.load(run.path, network=Tiny())
    sample = Squares(1)[0]

    labels = predictor.labels(sample.image)

    assert (labels == sample.truth).mean() > 0.9


def test_a_run_is_scored_and_loaded_with_its_image_level_prior(tmp_path):
    """What `weakseg.load` predicts is what the record names: pixel times image probabilities."""
    spec = weakseg.ImageLevelPrior(weakseg.UNet(8, 1))
    phases = (weakseg.Phase(weakseg.SoftMultipleInstance(), 1),)
    trained = train_recipe(tiny_recipe(network=spec, phases=phases), tmp_path / "run", device="cpu")
    image = Squares(1)[0].image

    probs = weakseg.load(trained.path)(image)
    plain = open_run(trained.path).predictor(network=spec.network)(image)

    assert trained.metrics[-1]["mean_iou"] > 0
    ratio = probs / plain
    odds = ratio[1] / ratio[0]
    np.testing.assert_allclose(odds, np.full_like(odds, odds.mean()), rtol=1e-4)
    assert abs(odds.mean() - 1) > 1e-4


def test_a_network_of_ones_own_must_be_passed_again(run):
    """The record names what made the network, and runs none of it."""
    with pytest.raises(RunInvalid, match=r"images.Tiny[\s\S]*recipe="):
        weakseg.load(run.path)


def test_metrics_tell_every_epoch(run):
    """One line per epoch, with scores on the epochs that were validated."""
    lines = run.metrics

    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    assert ["mean_iou" in line for line in lines] == [False, True, False, True]
    assert all(np.isfinite(line["loss"]) and line["seconds"] > 0 for line in lines)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    """An existing folder is refused, and what is in it stays."""
    (tmp_path / "mine.txt").write_text("precious")

    with pytest.raises(RunInvalid, match="not empty"):
        train_recipe(tiny_recipe(), tmp_path, device="cpu")

    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_is_no_run_is_named(tmp_path):
    """Opening something else says what was missing."""
    with pytest.raises(RunInvalid, match="no run.json"):
        open_run(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"recipe": 1}'])
def test_a_broken_record_is_named(tmp_path, text):
    """A record that was cut or edited is no traceback."""
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(RunInvalid, match="run.json"):
        open_run(tmp_path)


@pytest.mark.parametrize(("put", "kind"), [(os.mkfifo, "a FIFO"), (Path.mkdir, "a folder")], ids=["fifo", "folder"])
def test_what_stands_in_place_of_the_record_is_named(tmp_path, put, kind):
    """A pipe is not waited for, and what is there is not said to be missing."""
    put(tmp_path / "run.json")

    with pytest.raises(RunInvalid, match=rf"run.json is {kind}[\s\S]*restore the file"):
        open_run(tmp_path)


def test_a_broken_line_of_metrics_is_named(run, tmp_path):
    """A line that a kill cut off is passed over; any other is an error that says where."""
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines[:2], lines[2][:20]]))
    assert read_metrics(tmp_path) == run.metrics[:2]

    (tmp_path / "metrics.jsonl").write_text(lines[0] + "\n{broken}\n")
    with pytest.raises(RunInvalid, match=r"metrics.jsonl, line 2"):
        read_metrics(tmp_path)


def test_a_network_may_have_a_config_of_any_kind(tmp_path):
    """Many modules have a `config`; only one in plain types is kept."""

    class Configured(Tiny):
        def build(self, channels, classes):
            network = super().build(channels, classes)
            network.config = object()
            return network

    run = train_recipe(with_epochs(tiny_recipe(network=Configured()), 1), tmp_path / "run", device="cpu")

    assert open_run(run.path).record["network_config"] == {}


@pytest.mark.parametrize(
    ("changes", "error", "found"),
    [
        ({"validation": _Unmasked(4)}, DataInvalid, "no mask"),
        ({"validation": Scenes(2)}, RecipeInvalid, "classes"),
        ({"validation": Squares(0)}, RecipeInvalid, "validation set has no images"),
    ],
    ids=["no mask", "other classes", "none"],
)
def test_validation_images_that_cannot_judge_stop_the_run_before_it_starts(tmp_path, changes, error, found):
    """Not after the epochs up to the first validation."""
    with pytest.raises(error, match=found):
        train_recipe(tiny_recipe(**changes), tmp_path / "run", device="cpu")

    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch, error):
    """Writing fails before the old file is touched, and leaves no half file."""
    path = tmp_path / "last.safetensors"
    checkpoint.save(path, torch.nn.Linear(2, 2))
    before = path.read_bytes()

    def full(*_):
        raise error

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(WriteRefused, match=r"No space left[\s\S]*free some space"):
        checkpoint.save(path, torch.nn.Linear(2, 2))

    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_weights_of_another_network_are_refused(tmp_path):
    """Sizes that differ are named instead of half loaded."""
    checkpoint.save(tmp_path / "a.safetensors", torch.nn.Linear(2, 2))
    tensors, _ = checkpoint.read(tmp_path / "a.safetensors")

    with pytest.raises(RunInvalid, match="another network"):
        checkpoint.load_network(torch.nn.Linear(3, 2), tensors, tmp_path / "a.safetensors")


def test_a_loss_that_explodes_names_the_images(tmp_path):
    """Infinity stops the training at once, with the step and the images it happened on."""

    def exploding(logits, batch):
        return logits.sum() * float("inf")

    with pytest.raises(EvidenceInvalid, match=r"epoch 1, step 1, on squares"):
        train_recipe(tiny_recipe(phases=(weakseg.Phase(exploding, 1),)), tmp_path / "run", device="cpu")


def test_a_device_that_is_not_there_is_named(tmp_path):
    """No silent fall back to the CPU."""
    with pytest.raises(RecipeInvalid, match="'nosuch'"):
        train_recipe(tiny_recipe(), tmp_path / "run", device="nosuch")


def test_the_record_is_plain_json(run):
    """The record can be read by anything, and names the versions it was made with."""
    record = json.loads((run.path / "run.json").read_text())

    assert record["versions"]["torch"] == torch.__version__
    assert record["parameters"] == sum(p.numel() for p in Tiny().build(1, 2).parameters())


def test_a_run_remembers_what_its_folder_declared(tmp_path):
    """As it was at training, however the images were dealt and relabelled; changes since make no difference."""
    (tmp_path / "farm").mkdir()
    root = farms.lay_out(tmp_path / "farm")
    farms.write(root / "dataset.toml", 'background = "cow"', "void = 254")
    samples = weakseg.Simulated(weakseg.SomeMasks(weakseg.Fold(weakseg.Folder(str(root)), True, of=2), 1), ())
    recipe = tiny_recipe(training=samples, validation=None, batch_size=2)

    trained = train_recipe(with_epochs(recipe, 1), tmp_path / "run", device="cpu")
    farms.write(root / "dataset.toml", "void = 253")

    assert open_run(trained.path).declaration == weakseg.Declaration(background="cow", void=254)


def test_a_run_without_a_data_folder_has_the_usual_declaration(run):
    """So have runs of before, whose records say nothing about it."""
    before = {name: part for name, part in run.record.items() if name != "declaration"}

    assert run.declaration == Run(run.path, before).declaration == weakseg.Declaration()
