"""Recipes are loaded, checked and written down so that they can be run again."""

import runpy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import tiny_recipe

from weakseg import DualProjection, Fit, PartialDice, Phase, Recipe, SeedsOnly, Sum
from weakseg.data.scenes import Scenes
from weakseg.errors import RecipeInvalid, RunInvalid
from weakseg.networks import Pretrained, UNet
from weakseg.papers import paper_tags
from weakseg.recipe.foreign import Foreign
from weakseg.recipe.identity import fingerprint
from weakseg.recipe.json_codec import decode, encode
from weakseg.recipe.python_source import is_own, source
from weakseg.recipe.recipe import load_recipe, with_epochs

_OURS = Recipe(
    training=Scenes(4),
    network=Pretrained("somewhere", enlarge=2.0),
    phases=(Phase(Fit(SeedsOnly()), 2), Phase(Sum((Fit(SeedsOnly()), PartialDice(0.5))), 6)),
)

_SHORT = Recipe(training=Scenes(4), network=UNet(width=8, depth=1), phases=(Phase(Fit(SeedsOnly()), 1),), batch_size=4)


def test_source_makes_the_recipe_again(tmp_path):
    """The recipe file that a run folder holds can be run as it is."""
    (tmp_path / "recipe.py").write_text(source(_OURS))

    assert load_recipe(tmp_path / "recipe.py") == _OURS


def test_infinite_prices_are_written_as_python(tmp_path):
    """`inf` is a name that the file imports, and only where it is used."""
    hard = replace(_OURS, phases=(Phase(Fit(DualProjection(paper_tags())), 1),))
    (tmp_path / "recipe.py").write_text(source(hard))

    assert load_recipe(tmp_path / "recipe.py") == hard
    assert is_own(hard)
    assert "inf" not in source(_OURS)


def test_the_record_makes_the_recipe_again():
    """run.json holds all of a recipe made from weakseg's own parts."""
    assert decode(encode(_OURS)) == _OURS
    assert fingerprint(decode(encode(_OURS))) == fingerprint(_OURS)


def test_a_record_never_runs_foreign_code():
    """A record that names something outside weakseg comes back as text, and is not imported."""
    assert decode({"type": "os.path", "x": 1}) == Foreign("os.path")
    assert decode({"foreign": "my_module.network"}) == Foreign("my_module.network")
    with pytest.raises(RunInvalid, match="weakseg.runs.run.open_run"):
        decode({"type": "weakseg.runs.run.open_run", "path": "/"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import weakseg\nweakseg.Recipee", "line 2: AttributeError"),
        ("recipe = 3", "of type int"),
        ("recipe = (", "line 1: SyntaxError"),
        ("x = 1\nfrom weakseg import Phase\nrecipe = Phase()", "line 3: TypeError"),
        ("import sys\nsys.exit(3)", "line 2: SystemExit"),
    ],
)
def test_a_recipe_with_a_mistake_names_its_line(tmp_path, text, found):
    """A typo in a recipe is found by file and line, without a traceback."""
    (tmp_path / "mine.py").write_text(text)

    with pytest.raises(RecipeInvalid, match=found) as caught:
        load_recipe(tmp_path / "mine.py")

    assert "mine.py" in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path):
    """No file, no guess."""
    with pytest.raises(RecipeInvalid, match="nowhere.py"):
        load_recipe(tmp_path / "nowhere.py")


def test_impossible_numbers_are_all_named_at_once():
    """Every wrong number of a recipe is in one message."""
    with pytest.raises(RecipeInvalid, match=r"batch_size is 0.*phases\[0\].epochs is 0"):
        tiny_recipe(batch_size=0, phases=(Phase(Fit(SeedsOnly()), epochs=0),))


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", -1), ("seed", 2**64), ("batch_size", 2.5), ("training", "hearts"), ("validation", "hearts"),
     ("network", "unet"), ("optimizer", "adam"), ("augment", "flip")],
)  # fmt: skip
def test_parts_of_a_wrong_kind_are_named_before_anything_starts(name, value):
    """A name in place of a thing, half an image, a seed no generator takes."""
    recipe = tiny_recipe()
    # Types are checked in tests, and are not where a user runs it.
    object.__setattr__(recipe, name, value)

    with pytest.raises(RecipeInvalid, match=f"{name} is {value!r}"):
        recipe.__post_init__()


class _OfMyOwn:
    """An objective that is no dataclass, so that its `repr` is an address."""

    def __call__(self, logits, batch):
        return logits.mean()


def test_a_recipe_with_an_objective_of_ones_own_can_be_opened_and_resumed():
    """Its record can be read, is the same in every process, and cannot be run."""
    ours, again = (replace(_OURS, phases=(Phase(_OfMyOwn(), 1),)) for _ in range(2))

    opened = decode(encode(ours))

    assert fingerprint(ours) == fingerprint(again)
    assert "_OfMyOwn" in repr(opened.phases[0].objective)
    with pytest.raises(RunInvalid, match="_OfMyOwn"):
        opened.phases[0].objective(None, None)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(1, 60))
def test_other_lengths_keep_every_phase(lengths, epochs):
    """--epochs shares out exactly what was asked for; of fewer epochs than phases each is one of the first phases."""
    recipe = tiny_recipe(phases=tuple(Phase(Fit(SeedsOnly()), n) for n in lengths))

    changed = with_epochs(recipe, epochs)

    assert changed.epochs == epochs
    assert all(phase.epochs >= 1 for phase in changed.phases)
    assert len(changed.phases) == min(len(lengths), epochs)


def test_overrides_are_kept_in_the_recipe_text(tmp_path):
    """What the command line changed is in the run folder's recipe.py too."""
    from weakseg.commands.train import _overridden

    changed, text = _overridden(_OURS, source(_OURS), seed=7, epochs=4)
    (tmp_path / "recipe.py").write_text(text)

    assert runpy.run_path(str(tmp_path / "recipe.py"))["recipe"] == changed
    assert (changed.seed, changed.epochs) == (7, 4)


def test_a_derived_recipe_is_written_out_in_full(tmp_path, monkeypatch, capsys):
    """A recipe that loads the file beside it can be run again from the run folder, where that file is not."""
    from weakseg.commands.options import TrainOptions
    from weakseg.commands.train import train_and_show

    (tmp_path / "base.py").write_text(source(_SHORT))
    (tmp_path / "derived.py").write_text(
        "from pathlib import Path\nfrom weakseg.recipe.recipe import load_recipe\n"
        "recipe = load_recipe(Path(__file__).with_name('base.py'))\n"
    )

    train_and_show(str(tmp_path / "derived.py"), tmp_path / "run", TrainOptions(device="cpu", seed=3))

    assert load_recipe(tmp_path / "run" / "recipe.py") == replace(_SHORT, seed=3)
