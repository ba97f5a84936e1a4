"""A recipe whose crops would hide what its constraints speak of does not start."""

from dataclasses import dataclass, replace

import pytest
from images import Squares, tiny_recipe
from rich.console import Console

from weakseg import Augment, DualProjection, Fit, Phase, Regularize, SeedsOnly, Sum
from weakseg.constraints import All, BackgroundBetween, OfEachView, SizesWithin, TaggedClassesPresent
from weakseg.constraints.linear_rows import Constraint
from weakseg.data.crop_tags import CropTagsFromTruth
from weakseg.energies import QuadraticPenalty
from weakseg.errors import RecipeInvalid
from weakseg.losses.nested import parts
from weakseg.train.before_training import fraction_dropped, require_constraints_apply
from weakseg.train.loop import train_recipe

TAGS = TaggedClassesPresent(0.05, background=0)
WHOLE = Augment(crop=None, zoom=(0.75, 1.5))
CORNER = Augment(crop=(6, 6), zoom=(1.0, 1.0))


def recipe_of(constraint, augment):
    """A tiny recipe with this rule."""
    return tiny_recipe(phases=(Phase(Fit(DualProjection(constraint)), epochs=1),), augment=augment)


def test_constraints_are_found_wherever_they_are():
    """In a solver, in an energy, in a sum; a constraint of several is one."""
    both = All((TAGS, SizesWithin()))
    objective = Sum((Fit(DualProjection(both)), Regularize(QuadraticPenalty(TAGS)), Fit(SeedsOnly())))

    assert list(parts(objective, Constraint)) == [both, TAGS]
    assert list(parts(lambda logits, batch: logits.sum(), Constraint)) == []
    assert list(parts(Regularize(QuadraticPenalty(TaggedClassesPresent)), Constraint)) == []  # pyright: ignore


def test_whole_images_drop_nothing():
    """At any magnification."""
    assert fraction_dropped(recipe_of(All((TAGS, BackgroundBetween(0.3, 0.9, background=0))), WHOLE)) == 0


def test_crops_that_are_taken_for_images_drop_nothing():
    """What is said of their images is demanded of them, too."""
    assert (
        fraction_dropped(recipe_of(OfEachView(All((TAGS, BackgroundBetween(0.99, 0.995, background=0)))), CORNER)) == 0
    )


def test_small_crops_drop_what_the_rest_of_the_image_may_hold():
    """A sixteenth shown: at least 5 % of the image may lie elsewhere; at least 99 % may not; 100 % is no bound."""
    assert fraction_dropped(recipe_of(TAGS, CORNER)) == 1
    assert fraction_dropped(recipe_of(BackgroundBetween(0.99, 0.995, background=0), CORNER)) == 0.5
    assert fraction_dropped(recipe_of(BackgroundBetween(0.99, 1.0, background=0), CORNER)) == 0


def test_a_recipe_that_drops_most_demands_is_refused_before_it_begins(tmp_path):
    """It says what to do, and leaves no run behind."""
    with pytest.raises(RecipeInvalid, match=r"100% of the constraints are dropped[\s\S]*crop=None"):
        train_recipe(recipe_of(TAGS, CORNER), tmp_path / "run", device="cpu")

    assert not (tmp_path / "run").exists()


def test_the_share_is_told_where_there_is_one(tmp_path, capsys, monkeypatch):
    """Where crops hide nothing, as on whole images, there is nothing to tell."""
    train_recipe(recipe_of(TAGS, WHOLE), tmp_path / "run", device="cpu", console=Console(width=120))
    assert "do not apply" not in capsys.readouterr().out
    assert (tmp_path / "run" / "last.safetensors").exists()

    monkeypatch.setattr("weakseg.train.before_training.fraction_dropped", lambda recipe: 0.25)
    require_constraints_apply(recipe_of(TAGS, WHOLE), Console(width=120))
    assert "25.0% of the constraints do not apply to the training crops" in capsys.readouterr().out


@dataclass(frozen=True)
class Uneven(Squares):
    """Squares whose images differ in height."""

    def __getitem__(self, index: int):
        sample = super().__getitem__(index)
        rows = self.size - index % 3
        cut = {name: getattr(sample, name)[:rows] for name in ("seeds", "valid", "truth")}
        return replace(sample, image=sample.image[:, :rows], **cut)


def test_whole_images_of_different_sizes_make_one_batch():
    """Padding is neither valid nor part of the image, so each is seen whole and demands are its own."""
    recipe = replace(recipe_of(TAGS, WHOLE), training=Uneven())

    assert fraction_dropped(recipe) == 0


def test_crops_with_tags_of_their_own_drop_nothing():
    """They are images of their own."""
    assert fraction_dropped(recipe_of(TAGS, CropTagsFromTruth(CORNER))) == 0


def test_a_recipe_without_constraints_is_not_looked_at(tmp_path, capsys):
    """Nothing is said where nothing is demanded."""
    train_recipe(
        tiny_recipe(phases=(Phase(Fit(SeedsOnly()), 1),)), tmp_path / "run", device="cpu", console=Console(width=120)
    )

    assert "constraints" not in capsys.readouterr().out
