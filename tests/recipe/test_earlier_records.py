"""Records in which the loss had the schedule open, and go on, as if it had always been the phase's."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from images import Squares, Tiny, tiny_recipe
from safetensors.torch import load_file

from weakseg import Fit, Phase, SeedsOnly, Sum, train_recipe
from weakseg.errors import RunInvalid
from weakseg.papers import EmAdapt
from weakseg.recipe import identity
from weakseg.recipe.earlier_records import with_schedules_in_phases
from weakseg.recipe.json_codec import encode
from weakseg.runs import run_writer
from weakseg.runs.run import open_run
from weakseg.simulate import Clicks, Simulated

FIT = Fit(EmAdapt(background_share=0.5))
RECIPE = tiny_recipe(
    training=Simulated(Squares(), (Clicks(),)),
    network=Tiny(dropout=0.0),
    phases=(
        Phase(Fit(SeedsOnly()), epochs=1),
        Phase(Sum((Sum((FIT,)),)), epochs=3, update_targets_every=2),
    ),
)


def as_before(said, every):
    """The record with the schedule in each `Fit` of its second phase."""
    text = json.dumps(said)
    phase = json.loads(text)["phases"][1]
    phase.pop("update_targets_every")
    phase = json.loads(
        json.dumps(phase).replace('"type": "weakseg.Fit"', f'"type": "{every[0]}", "every_epochs": {every[1]}')
    )
    return said | {"phases": [said["phases"][0], phase]}


@pytest.mark.parametrize("name", ["weakseg.Fit", "weakseg.losses.objectives.Fit"])
def test_the_schedule_moves_from_the_loss_to_its_phase(name):
    """However deep the loss lies, and by both names that records give it."""
    said = encode(RECIPE)
    before = as_before(said, (name, 2))
    assert before != said
    moved = json.dumps(with_schedules_in_phases(before)).replace(name, "weakseg.Fit")
    assert json.loads(moved) == json.loads(json.dumps(said))
    assert with_schedules_in_phases(as_before(said, (name, "null")))["phases"][1].get("update_targets_every") is None


@pytest.mark.parametrize("damaged", [None, [], {}, {"phases": 3}, {"phases": [3, {}, {"objective": None}]}])
def test_a_damaged_record_stays_as_it_is(damaged):
    """Who reads it says what is wrong."""
    assert with_schedules_in_phases(damaged) == damaged


def trained_before(run, monkeypatch, until=None):
    """A run as it was written before; where `until` is given, stopped when that epoch would be saved."""
    save = run_writer.save

    def saved(*given):
        if given[3][-1]["epoch"] == until:
            raise KeyboardInterrupt
        return save(*given)

    with monkeypatch.context() as before:
        for module in (identity, run_writer):
            before.setattr(module, "fingerprint", lambda recipe: "of before")
        before.setattr(run_writer, "save", saved)
        with nullcontext() if until is None else pytest.raises(KeyboardInterrupt):
            train_recipe(RECIPE, run, device="cpu")
    record = json.loads((run / "run.json").read_text())
    assert record["fingerprint"] == "of before"
    record["recipe"] = as_before(record["recipe"], ("weakseg.Fit", 2))
    (run / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize("until", [2, 3], ids=["in the middle of a stretch", "before an update of the targets"])
def test_a_stopped_run_of_before_goes_on_to_the_same_weights(tmp_path, monkeypatch, until):
    """Bit by bit as if it had neither stopped nor been written in the earlier format."""
    whole = train_recipe(RECIPE, tmp_path / "whole", device="cpu")
    trained_before(tmp_path / "run", monkeypatch, until)
    assert open_run(tmp_path / "run").epochs_done == until

    resumed = train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True)

    assert resumed.epochs_done == whole.epochs_done == 4
    mine, other = (load_file(run.path / "last.safetensors") for run in (resumed, whole))
    assert mine.keys() == other.keys()
    assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_a_run_of_before_opens_and_resumes(tmp_path, monkeypatch):
    """Its recipe is today's, and another schedule is another recipe."""
    trained_before(tmp_path / "run", monkeypatch)

    run = open_run(tmp_path / "run")
    assert run.recipe.phases[1].update_targets_every == 2
    assert run.recipe.phases[1].objective == RECIPE.phases[1].objective
    assert train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True).epochs_done == 4
    other = replace(RECIPE, phases=(RECIPE.phases[0], replace(RECIPE.phases[1], update_targets_every=3)))
    with pytest.raises(RunInvalid, match="update_targets_every"):
        train_recipe(other, tmp_path / "run", device="cpu", resume=True)
