"""Damage to a run folder is told, and a resumed run ends with the bits of one that nothing happened to."""

import json
import shutil
from io import StringIO

import pytest
import torch
from images import Squares, Tiny, tiny_recipe
from rich.console import Console
from safetensors.torch import load_file

from weakseg import Fit, Phase
from weakseg.errors import RunInvalid, WeaksegError
from weakseg.papers import EmAdapt
from weakseg.runs import checkpoint, run_writer
from weakseg.runs.run import open_run
from weakseg.simulate import Clicks, Simulated
from weakseg.train.loop import train_recipe

FIT = Fit(EmAdapt(background_share=0.5))
RECIPE = tiny_recipe(
    training=Simulated(Squares(), (Clicks(),)),
    phases=(Phase(FIT, epochs=6, learning_rate=1e-2, update_targets_every=2),),
    network=Tiny(dropout=0.0),
)
"""Hidden segmentations are found before the epochs 0, 2 and 4."""


def weights(path):
    """Copies, for what is read is the file itself."""
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def broken_off(folder, epochs, monkeypatch):
    """A run that ended after so many epochs."""
    save = run_writer.save

    def saved(*given):
        best = save(*given)
        if given[3][-1]["epoch"] == epochs - 1:
            raise KeyboardInterrupt
        return best

    monkeypatch.setattr(run_writer, "save", saved)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(RECIPE, folder, device="cpu")
    monkeypatch.setattr(run_writer, "save", save)


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A run of five epochs of six, in the middle of a stretch, and where it should end."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        broken_off(place / "half", 5, patch)
    whole = train_recipe(RECIPE, place / "whole", device="cpu")
    return place / "half", weights(whole.path / "last.safetensors"), whole.metrics


def resumed(folder):
    """What a resumed run says."""
    said = StringIO()
    train_recipe(RECIPE, folder, device="cpu", resume=True, console=Console(file=said, width=300))
    return said.getvalue()


def flip(path):
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lines(change):
    """The lines of metrics, changed."""
    return lambda path: path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


CHANGES = {
    "last deleted": ("last.safetensors", lambda path: path.unlink(), "last.safetensors is missing"),
    "last flipped": ("last.safetensors", flip, "cannot be read"),
    "last emptied": ("last.safetensors", lambda path: path.write_bytes(b""), "cannot be read"),
    "last a copy of best": (
        "last.safetensors",
        lambda path: shutil.copyfile(path.with_name("best.safetensors"), path),
        "is it a copy of best",
    ),
    "target deleted": ("targets/epoch_00004/squares1.png", lambda path: path.unlink(), "hidden segmentations"),
    "target cut": ("targets/epoch_00004/squares1.png", lambda path: path.write_bytes(b"x"), "hidden segmentations"),
    "target swapped": (
        "targets/epoch_00004/squares1.png",
        lambda path: shutil.copyfile(path.with_name("squares2.png"), path),
        "hidden segmentations",
    ),
    "metrics deleted": ("metrics.jsonl", lambda path: path.unlink(), "metrics.jsonl did not hold"),
    "a line lost": ("metrics.jsonl", lines(lambda all_: [all_[0], *all_[2:]]), "metrics.jsonl did not hold"),
    "a line twice": ("metrics.jsonl", lines(lambda all_: [all_[0], *all_]), "metrics.jsonl did not hold"),
    "lines swapped": ("metrics.jsonl", lines(lambda all_: [all_[1], all_[0], *all_[2:]]), "metrics.jsonl did not hold"),
    "a line too many": (
        "metrics.jsonl",
        lines(lambda all_: [*all_, json.dumps(json.loads(all_[-1]) | {"epoch": 5}) + "\n"]),
        "",
    ),
    "previous flipped": ("previous.safetensors", flip, "previous.safetensors"),
    "sweep deleted": ("sweep.safetensors", lambda path: path.unlink(), ""),
    "data list cut": ("data.json", lambda path: path.write_text("{"), "it is unknown whether the data has changed"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_damaged_file_is_told_and_the_run_ends_as_if_nothing_had_happened(tmp_path, half, change):
    """Each epoch once in the metrics, in order, and the weights bit by bit."""
    folder, whole, metrics = half
    file, damage, sentence = change
    run = shutil.copytree(folder, tmp_path / "run")
    damage(run / file)

    assert sentence in resumed(run)

    again = weights(run / "last.safetensors")
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    told = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in told] == list(range(6))
    assert [line["loss"] for line in told] == [line["loss"] for line in metrics]


@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_a_lost_best_network_is_missed_by_every_command(tmp_path, half, damage):
    """Whoever loads or resumes it is told, and the option that the message names goes on without it."""
    run = shutil.copytree(half[0], tmp_path / "run")
    damage(run / "best.safetensors")
    with pytest.raises(RunInvalid, match=r"best\.safetensors"):
        open_run(run).network(RECIPE.network)
    with pytest.raises(RunInvalid, match=r"best\.safetensors[\s\S]*--accept-changes"):
        resumed(run)
    train_recipe(RECIPE, run, device="cpu", resume=True, accept_changes=True)
    open_run(run).network(RECIPE.network)


def test_epochs_were_done_and_every_checkpoint_is_lost(tmp_path, half):
    """A message, and no start from the beginning."""
    run = shutil.copytree(half[0], tmp_path / "run")
    for path in run.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(RunInvalid, match=r"cannot be resumed[\s\S]*last.safetensors is missing[\s\S]*another --out"):
        resumed(run)


def test_other_data_than_at_the_start_has_to_be_wanted(tmp_path):
    """Images that came, went or changed are named; with the option the run goes on."""
    recipe = tiny_recipe()
    run = train_recipe(recipe, tmp_path / "run", device="cpu").path
    listed = json.loads((run / "data.json").read_text())["data"]["training"]
    assert [*listed] == list(Squares().keys)
    run_writer.data_list.keep(run, {"training": {**listed, "old": "1", "squares3": "2"}, "validation": {}})
    with pytest.raises(
        RunInvalid, match=r"has changed since its start[\s\S]*1 removed: old[\s\S]*squares3[\s\S]*--accept-changes"
    ):
        train_recipe(recipe, run, device="cpu", resume=True)
    train_recipe(recipe, run, device="cpu", resume=True, accept_changes=True)
    train_recipe(recipe, run, device="cpu", resume=True)


def test_a_checkpoint_of_an_earlier_version_is_gone_on_from_with_its_metrics_cut_to_its_epoch(tmp_path, half):
    """It has no digest and no metrics; a kill left a line too many beside it."""
    run = shutil.copytree(half[0], tmp_path / "run")
    for name in ("previous.safetensors", "sweep.safetensors", "data.json"):
        (run / name).unlink()
    tensors, state = checkpoint.read(run / "last.safetensors")
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    checkpoint._write(run / "last.safetensors", tensors, {"state": json.dumps({"epoch": 4, "best": state["best"]})})
    old = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join([*old, json.dumps(json.loads(old[-1]) | {"epoch": 5}) + "\n"]))

    resumed(run)

    again = weights(run / "last.safetensors")
    assert all(torch.equal(again[name], half[1][name]) for name in half[1])
    assert [line["epoch"] for line in open_run(run).metrics] == list(range(6))


@pytest.mark.parametrize("name", ["last.safetensors", "previous.safetensors", "metrics.jsonl"])
def test_what_is_no_file_can_be_removed_as_the_message_says(tmp_path, half, name):
    """A pipe, folder or link in the place of a file of a run, whose name nobody can choose."""
    run, weights_of_whole, _ = half
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    (tmp_path / "run" / name).symlink_to(tmp_path / "nowhere")

    with pytest.raises(WeaksegError, match=f"(?s){name} is a link to a missing file.*remove it"):
        train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True)
    (tmp_path / "run" / name).unlink()
    train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True)

    found = weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.equal(found[each], weights_of_whole[each]) for each in weights_of_whole)


def test_a_file_in_the_place_of_the_targets_is_to_be_removed(tmp_path, half):
    """Whoever removes it, as the message says, gets the same bits."""
    run, weights_of_whole, _ = half
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "targets")
    (tmp_path / "run" / "targets").write_text("x")

    with pytest.raises(RunInvalid, match="(?s)targets is no folder.*remove it"):
        train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True)
    (tmp_path / "run" / "targets").unlink()
    train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True)

    found = weights(tmp_path / "run" / "last.safetensors")
    assert all(torch.equal(found[each], weights_of_whole[each]) for each in weights_of_whole)
