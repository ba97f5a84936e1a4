"""Records outlive the layout: runs of before open, predict, report and resume when modules move and settings come."""

import importlib
import inspect
import json
import os
import pkgutil
import sys
import types
from dataclasses import field, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from typing import get_args, get_type_hints

import farms
import pytest

import weakseg
from weakseg import homes
from weakseg.commands.evaluate import evaluate_and_show
from weakseg.commands.report import report_and_show
from weakseg.errors import RunInvalid
from weakseg.mean_field.mean_field import MeanField
from weakseg.mean_field.parallel_steps import Messages
from weakseg.recipe.identity import fingerprint, located, what_differs
from weakseg.recipe.json_codec import encode
from weakseg.recipe.python_source import source
from weakseg.recipe.recipe import load_recipe
from weakseg.runs import run_writer
from weakseg.runs.run import open_run
from weakseg.train.loop import train_recipe

RECIPE = weakseg.Recipe(
    training=weakseg.Simulated(weakseg.Scenes(4), (weakseg.Scribbles(),)),
    validation=weakseg.Scenes(2, seed=1),
    network=weakseg.UNet(8, 1),
    phases=(weakseg.Phase(weakseg.Sum((weakseg.Fit(weakseg.SeedsOnly()), weakseg.PartialDice(0.5))), 1),),
    augment=weakseg.Augment(crop=(32, 32)),
    batch_size=4,
)


def encoded_before(value):
    """As records were written before they named public things: modules, and every setting."""
    if is_dataclass(value):
        held = {f.name: encoded_before(getattr(value, f.name)) for f in fields(value) if f.init}
        return {"type": f"{type(value).__module__}.{type(value).__qualname__}", **held}
    return [*map(encoded_before, value)] if isinstance(value, tuple) else value


def make_old(run: Path, recipe: weakseg.Recipe) -> None:
    """Turn a run's record into one of before."""
    record = json.loads((run / "run.json").read_text())
    del record["format"], record["declaration"]
    old = {"recipe": encoded_before(recipe), "classes": encoded_before(recipe.training.classes)}
    (run / "run.json").write_text(json.dumps({**record, **old}))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch, whose fingerprint was made in another way than now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_writer, "fingerprint", lambda recipe: "0123")
        return train_recipe(RECIPE, tmp_path_factory.mktemp("records") / "run", device="cpu").path


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it that may be changed."""
    path = tmp_path / "run"
    path.mkdir()
    for file in trained.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


@pytest.fixture
def moved(monkeypatch):
    """Another module for `UNet`, which has got a new setting besides."""
    from weakseg.networks import unet

    module = types.ModuleType("weakseg.models.u_net")
    grown = make_dataclass("UNet", [("note", str, field(default=""))], bases=(unet.UNet,), frozen=True)
    grown.__module__, module.UNet = module.__name__, grown
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(homes.HOMES, "UNet", "models.u_net")
    monkeypatch.delattr(unet, "UNet")


def _uses(path: Path) -> None:
    """Everything that is done with a run of before; raises where one of them cannot be done."""
    now = replace(RECIPE, network=weakseg.UNet(8, 1))
    assert weakseg.load(path).labels(RECIPE.validation[0].image).shape == RECIPE.validation[0].valid.shape
    evaluate_and_show(path, True, "best", "cpu", False)
    report_and_show([path], path / "page.html")
    assert "<svg" in (path / "page.html").read_text()
    train_recipe(now, path, device="cpu", resume=True)


@pytest.mark.parametrize("old", [False, True], ids=["this version's", "module paths"])
def test_a_run_of_before_serves_after_a_class_moved_and_got_a_setting(run, moved, old, capsys):
    """Nothing in a record depends on where a class lies or on settings that were left alone."""
    if old:
        make_old(run, RECIPE)
        record = json.loads((run / "run.json").read_text())
        assert record["recipe"]["network"]["type"] == "weakseg.networks.unet.UNet"

    _uses(run)


def test_a_run_of_before_is_not_resumed_with_another_recipe(run):
    """The message says what is other, for records of both kinds."""
    other = replace(RECIPE, seed=3, network=weakseg.UNet(16, 1))
    for change in (lambda: None, lambda: make_old(run, RECIPE)):
        change()
        with pytest.raises(RunInvalid, match=r"network.width is 8 in the run, and 16 now; recipe.seed .* 3 now"):
            train_recipe(other, run, device="cpu", resume=True)


def test_records_and_recipe_files_name_public_things_only(trained):
    """No module of weakseg's stands in a run folder, nor a setting at its default."""
    text = (trained / "run.json").read_text()
    record = json.loads(text)

    assert record["recipe"]["network"] == {"type": "weakseg.UNet", "width": 8, "depth": 1}
    assert "weakseg.models" not in text
    assert "validate_every" not in text
    imported = [line for line in (trained / "recipe.py").read_text().splitlines() if "import" in line]
    modules = {line.split()[1] for line in imported}
    assert "weakseg" in modules
    assert modules <= {homes.door_of(name) for name in homes.HOMES}


@pytest.mark.parametrize("written", [3, 99])
def test_a_record_of_a_later_format_says_which_version_opens_it(run, written):
    """Nothing is guessed about what a later version may have written."""
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "format": written, "weakseg": "7.5"}))

    with pytest.raises(RunInvalid, match=rf"format {written}, of weakseg 7.5[\s\S]*open the run with that version"):
        open_run(run)


@pytest.mark.parametrize("written", [0, "two", None, [2]])
def test_a_format_that_is_none_is_damage(run, written):
    """As everything else in a record that makes no sense."""
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "format": written}))

    with pytest.raises(RunInvalid, match="cannot be read: its format"):
        open_run(run)


def _classes():
    """All classes of weakseg's, with the module that each was found in."""
    for module in pkgutil.walk_packages(weakseg.__path__, "weakseg."):
        if not module.name.endswith("__main__"):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and thing.__module__.startswith("weakseg."):
                    yield thing


ROLES = ({"solve"}, {"rows"}, {"build", "rebuild"}, {"classes", "keys"}, {"simulate"}, {"fresh_factor"})
"""What a solver, constraint, network, data set, simulated annotator or optimiser has."""

CALLS = (["logits", "batch"], ["probs", "evidence"], ["target", "log_probs"], ["values", "evidence"])
"""What objectives, energies, divergences and kernels are called with."""


def _called_with(kind) -> list[str]:
    call = vars(kind).get("__call__")
    return [*inspect.signature(call).parameters][1:] if call else []


def test_whatever_can_stand_in_a_recipe_has_a_public_name():
    """By what it can do, or because a public class holds it."""
    # A matrix of messages is called as a CRF's kernel is, but never stands in a recipe.
    ours = [kind for kind in _classes() if is_dataclass(kind) and kind is not Messages]
    assert MeanField in ours
    parts = {kind for kind in ours if any(role <= {*dir(kind)} for role in ROLES)}
    parts |= {kind for kind in ours if _called_with(kind) in CALLS}
    named = {name: getattr(weakseg, name) for name in homes.HOMES}
    held = {kind for kind in named.values() if isinstance(kind, type) and is_dataclass(kind)}
    parts |= {each for kind in held for hint in get_type_hints(kind).values() for each in _mentioned(hint)}

    assert {part.__name__ for part in parts if not part.__name__.startswith("_")} - {*named} == set()


def _mentioned(hint):
    """The dataclasses of weakseg's in a type."""
    if isinstance(hint, type) and is_dataclass(hint) and hint.__module__.startswith("weakseg."):
        yield hint
    for inner in get_args(hint):
        yield from _mentioned(inner)


def test_no_two_classes_share_a_public_name():
    """A name in a record leads to one class, whatever its module was called."""
    found: dict[str, set[type]] = {}
    for kind in _classes():
        found.setdefault(kind.__name__, set()).add(kind)

    assert {name for name, kinds in found.items() if len(kinds) > 1 and name in homes.HOMES} == set()


def test_paths_are_absolute_in_the_record_and_mean_the_same_from_anywhere(tmp_path, monkeypatch):
    """One folder, spelled in three ways from two directories, is one recipe; another folder is another."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        farms.lay_out(tmp_path / name)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    recipe = replace(RECIPE, training=weakseg.Fold(weakseg.Folder("here"), False, of=2))
    record = {"recipe": encode(located(recipe)), "fingerprint": fingerprint(recipe)}

    assert record["recipe"]["training"]["samples"]["path"] == str(tmp_path / "here")
    assert load_recipe(_written(tmp_path, source(located(recipe)))).training.samples.path == str(tmp_path / "here")
    os.chdir(tmp_path / "sub")
    for spelled in ("../here", str(tmp_path / "here"), "../link", "../sub/../here"):
        same = replace(RECIPE, training=weakseg.Fold(weakseg.Folder(spelled), False, of=2))
        assert what_differs(record, same) == []
    other = replace(RECIPE, training=weakseg.Fold(weakseg.Folder("../there"), False, of=2))
    assert "there" in what_differs(record, other)[0]


def _written(folder: Path, text: str) -> Path:
    (folder / "recipe.py").write_text(text)
    return folder / "recipe.py"


def test_a_name_on_the_shelf_stays_a_name(monkeypatch, tmp_path):
    """What $WEAKSEG_DATA leads to means the same from everywhere, and on other machines."""
    (tmp_path / "shelf" / "hearts").mkdir(parents=True)
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "shelf"))

    assert located(weakseg.Folder("hearts")) == weakseg.Folder("hearts")


def test_label_folders_keep_their_names_and_others_get_their_paths(monkeypatch, tmp_path):
    """`scribbles` is the data folder's own, even where the working directory has one too."""
    (tmp_path / "hearts" / "scribbles").mkdir(parents=True)
    (tmp_path / "scribbles").mkdir()
    (tmp_path / "more").mkdir()
    monkeypatch.chdir(tmp_path)

    labels = located(weakseg.Folder("hearts", labels=("scribbles", "more"))).labels

    assert labels == ("scribbles", str(tmp_path / "more"))
