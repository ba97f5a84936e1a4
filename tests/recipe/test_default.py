"""The recipe that is chosen for a data folder fits what is said there, and judges by volumes it did not see."""

import shutil
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from PIL import Image

from weakseg import Augment, DualProjection, Fit, JointProjection, Regularize, SeedsOnly, Sum
from weakseg.appearance import Appearances, BoxColors, ScribbleDensities
from weakseg.constraints import (
    All,
    BackgroundBetween,
    BoxesFilled,
    NothingOutsideBoxes,
    OfEachView,
    SizesWithin,
    TaggedClassesPresent,
    UntaggedClassesAbsent,
)
from weakseg.data.fold import Fold
from weakseg.energies import GatedCRF
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.papers import paper_tags
from weakseg.recipe.default import about_places, about_split, choose
from weakseg.recipe.method import about_method
from weakseg.recipe.python_source import source
from weakseg.recipe.recipe import load_recipe, with_epochs
from weakseg.train.loop import train_recipe

pytestmark = pytest.mark.usefixtures("short_epochs")


def _folder(root, keys, masked):
    for name in ("images", "scribbles", "masks"):
        (root / name).mkdir(parents=True)
    (root / "classes.txt").write_text("background\nheart\n")
    marks = np.full((40, 48), 255, np.uint8)
    marks[5:9, 5:20], marks[20:24, 5:20] = 0, 1
    for number, key in enumerate(keys):
        Image.fromarray(np.full((40, 48), number, np.uint8)).save(root / "images" / f"{key}.png")
        Image.fromarray(marks).save(root / "scribbles" / f"{key}.png")
    for key in masked:
        Image.fromarray((marks == 1).astype(np.uint8)).save(root / "masks" / f"{key}.png")
    return str(root)


def test_three_images_with_masks_are_enough(tmp_path):
    """One of them judges what the others teach."""
    recipe = choose(_folder(tmp_path / "few", "abc", "abc"), "unet")

    assert (len(recipe.training), len(recipe.validation)) == (2, 1)


def test_slices_of_a_volume_stay_together(tmp_path):
    """A network is not judged by its neighbours' slices."""
    keys = [f"patient{p}_slice{s}" for p in range(6) for s in range(3)]
    data = _folder(tmp_path / "slices", keys, keys)
    (tmp_path / "slices" / "dataset.toml").write_text("volume = 'patient[0-9]+'")

    recipe = choose(data, "unet")

    assert isinstance(recipe.validation, Fold)
    learnt, judged = ({key[:8] for key in part.keys} for part in (recipe.training, recipe.validation))
    assert learnt.isdisjoint(judged)
    assert (len(learnt), len(judged)) == (4, 2)


def test_slices_are_kept_together_by_their_names_and_that_is_said(tmp_path):
    """Without a `volume`: by patient, of whom there are two scans each."""
    keys = [f"patient{p}_frame{f}_slice_{s}" for p in range(6) for f in (1, 9) for s in range(3)]
    recipe = choose(_folder(tmp_path / "slices", keys, keys), "unet")

    learnt, judged = ({key[:8] for key in part.keys} for part in (recipe.training, recipe.validation))
    assert learnt.isdisjoint(judged)
    assert (len(learnt), len(judged)) == (4, 2)
    assert r"'^patient\d+'" in about_split(recipe)


def test_what_a_validation_list_leaves_over_is_trained_on(tmp_path):
    """Nobody has to write the other list."""
    data = _folder(tmp_path / "data", "abcdef", "ab")
    (tmp_path / "data" / "splits").mkdir()
    (tmp_path / "data" / "splits" / "val.txt").write_text("a\nb\n")
    (tmp_path / "data" / "splits" / "test.txt").write_text("f\n")

    recipe = choose(data, "unet")

    assert (recipe.training.keys, recipe.validation.keys) == (("c", "d", "e"), ("a", "b"))


@pytest.mark.parametrize(
    ("masked", "splits", "found"),
    [
        ("ab", {}, "have no mask"),
        ("ab", {"train": "abcd", "val": "ef"}, "2 of the 2 images to judge by have no mask"),
    ],
    ids=["a few masks and no splits", "masks of others"],
)
def test_images_that_cannot_judge_are_named_before_the_training(tmp_path, masked, splits, found):
    """Not at the first validation, epochs later."""
    data = _folder(tmp_path / "data", "abcdef", masked)
    (tmp_path / "data" / "splits").mkdir()
    for name, keys in splits.items():
        (tmp_path / "data" / "splits" / f"{name}.txt").write_text("\n".join(keys))

    with pytest.raises(DataInvalid, match=found):
        choose(data, "unet")


def _said(root, **tables):
    """A folder on which nothing is drawn, with these tables."""
    data = _folder(root, "abcdef", "")
    shutil.rmtree(root / "scribbles")
    for name, lines in tables.items():
        (root / f"{name}.csv").write_text("\n".join(lines))
    return data


TAGS = ("image,present,absent", *(f"{key},background;heart," for key in "abcde"), "f,background,heart")
SIZES = ("image,class,min,max", "a,heart,0.1,0.2", "b,heart,0.3,0.4", "c,background,0.6,0.9")
BOXES = ("image,class,left,top,right,bottom", "a,heart,4,5,20,30", "b,heart,10,10,30,20")
HEARTS = (
    "image,class,min,max",
    "a,background,0.9,0.95",
    "b,background,0.9,0.95",
    "a,heart,0.05,0.1",
    "b,heart,0.05,0.1",
)
SLICED = (TaggedClassesPresent(0.05, 2.0, 0), BackgroundBetween(0.9, 0.95, 2.0, 0))
USUAL = (
    TaggedClassesPresent(0.05, inf, 0),
    BackgroundBetween(0.0, 0.8, inf, 0),
    BackgroundBetween(0.6, 1.0, 2.0, 0),
)
SIZED = (TaggedClassesPresent(0.1, 2.0, 0), BackgroundBetween(0.6, 0.9, 2.0, 0))
BOXED = (NothingOutsideBoxes(), BoxesFilled(0.5, inf))


@pytest.mark.parametrize(
    ("tables", "rules"),
    [
        ({"boxes": BOXES}, BOXED),
        ({"tags": TAGS, "sizes": SIZES, "boxes": BOXES}, (*SIZED, SizesWithin(), *BOXED)),
    ],
    ids=["boxes", "all"],
)
def test_what_boxes_say_becomes_rules_on_whole_images(tmp_path, tables, rules):
    """Nothing needs to be drawn; known sizes replace the usual shares, and boxes do without them."""
    recipe = choose(_said(tmp_path / "said", **tables), "unet")

    (phase,) = recipe.phases
    assert isinstance(phase.objective, Fit)
    solver = phase.objective.solver
    assert isinstance(solver, JointProjection)
    assert solver.constraint == All((UntaggedClassesAbsent(), *rules))
    assert solver.appearance == BoxColors()
    assert solver.cell_px == 4
    assert about_method(recipe.phases).startswith("joint: ")
    assert recipe.augment.crop is None


@pytest.mark.parametrize(
    ("tables", "rules", "first"),
    [
        ({"tags": TAGS}, USUAL, paper_tags(0)),
        ({"sizes": SIZES}, (*SIZED, SizesWithin(inf)), paper_tags(0)),
        ({"tags": TAGS, "sizes": HEARTS}, (*SLICED, SizesWithin(inf)), None),
    ],
    ids=["tags", "sizes", "sizes by which the usual bounds are false"],
)
def test_tags_and_sizes_alone_become_rules_on_large_crops(tmp_path, tables, rules, first):
    """Soft and generous at first, so that no class is lost; then each at its size. It says what it assumes."""
    recipe = choose(_said(tmp_path / "said", **tables), "unet")

    rules = All((UntaggedClassesAbsent(), *rules))
    assert recipe.phases[0].objective == Fit(DualProjection(OfEachView(first or rules)))
    assert isinstance(recipe.phases[1].objective, Fit)
    solver = recipe.phases[1].objective.solver
    assert isinstance(solver, JointProjection)
    assert solver.constraint == OfEachView(rules)
    assert solver.appearance is None
    assert about_method(recipe.phases).startswith("constraints: ")
    assert "crops are taken to show every tagged class" in about_method(recipe.phases)
    assert recipe.augment == Augment(crop=(64, 64), zoom=(0.7, 1.1)), "of images of 40 x 48"


def test_labels_that_cannot_say_where_are_told(tmp_path):
    """Every image with the same classes; not where one has others, nor where something is drawn or boxed."""
    alike = ("image,present,absent", *(f"{key},background;heart," for key in "abcdef"))
    recipe = choose(_said(tmp_path / "alike", tags=alike, sizes=SIZES), "unet")
    assert "the 6 images looked at apart" in about_places(recipe)
    assert "never where" in about_places(recipe)

    assert about_places(choose(_said(tmp_path / "others", tags=TAGS), "unet")) == ""
    assert about_places(choose(_said(tmp_path / "boxed", tags=alike, boxes=BOXES), "unet")) == ""
    drawn = _folder(tmp_path / "drawn", "abcdef", "")
    (tmp_path / "drawn" / "tags.csv").write_text("\n".join(alike))
    assert about_places(choose(drawn, "unet")) == ""


def test_a_recipe_of_rules_can_be_written_down_and_trained(tmp_path):
    """An epoch on tags alone, from the text that the run folder keeps."""
    recipe = choose(_said(tmp_path / "said", tags=TAGS), "unet")
    (tmp_path / "recipe.py").write_text(source(recipe))

    again = load_recipe(tmp_path / "recipe.py")
    run = train_recipe(with_epochs(again, 1), tmp_path / "run", device="cpu")

    assert again == recipe
    assert np.isfinite(run.metrics[-1]["loss"])


@pytest.mark.parametrize("table", ["tags", "boxes"])
def test_rules_join_what_is_drawn(tmp_path, table):
    """Scribbles and a table: the marks alone first, then one problem with the marks, the rules and all colours."""
    data = _folder(tmp_path / "both", "abcdef", "")
    (tmp_path / "both" / f"{table}.csv").write_text("\n".join({"tags": TAGS, "boxes": BOXES}[table]))

    recipe = choose(data, "unet")

    first, second = (phase.objective for phase in recipe.phases)
    assert first == Fit(SeedsOnly())
    assert isinstance(second, Fit)
    assert isinstance(second.solver, JointProjection)
    assert UntaggedClassesAbsent() in second.solver.constraint.constraints
    both = Appearances((ScribbleDensities(), BoxColors()))
    assert second.solver.appearance == (both if table == "boxes" else ScribbleDensities())
    assert about_method(recipe.phases).startswith("joint: after a while on the marks alone")
    run = train_recipe(with_epochs(recipe, 2), tmp_path / "run", device="cpu", recipe_text=source(recipe))
    assert np.isfinite(run.metrics[-1]["loss"])
    assert run.record["method"] == about_method(recipe.phases)


def test_drawings_alone_are_learnt_from_crops(tmp_path):
    """The marks alone first, then everything at once: marks, network, edges and colours."""
    recipe = choose(_folder(tmp_path / "drawn", "abcdef", ""), "unet")

    first, second = recipe.phases
    assert first.objective == Fit(SeedsOnly())
    assert isinstance(second.objective, Fit)
    assert isinstance(second.objective.solver, JointProjection)
    assert second.objective.solver.appearance == ScribbleDensities()
    assert 0.2 * recipe.epochs <= first.epochs <= 0.4 * recipe.epochs
    assert recipe.average == 0.99
    assert about_method(recipe.phases).startswith("joint: after a while on the marks alone")
    assert recipe.augment == Augment(crop=(32, 32), centre_on_labels=0.5)


def test_targets_of_many_classes_weigh_less(tmp_path):
    """More of them are wrong."""
    data = _folder(tmp_path / "drawn", "abcdef", "")
    assert choose(data, "unet").phases[-1].objective.weight == 3
    names = ["background", "heart", *(f"vessel {i}" for i in range(9))]
    (tmp_path / "drawn" / "classes.txt").write_text("\n".join(names))
    marks = np.array(Image.open(tmp_path / "drawn" / "scribbles" / "a.png"))
    for i in range(2, len(names)):
        marks[30, i] = i
    Image.fromarray(marks).save(tmp_path / "drawn" / "scribbles" / "a.png")
    recipe = choose(data, "unet")
    assert recipe.phases[-1].objective.weight == 1
    assert about_method(recipe.phases).startswith("joint: after a while on the marks alone")


@pytest.mark.parametrize(
    ("method", "objective"),
    [("partial", Fit(SeedsOnly())), ("gated-crf", Sum((Fit(SeedsOnly()), Regularize(GatedCRF(), 9.0))))],
)
def test_another_method_can_be_named(tmp_path, method, objective):
    """By --method; what is said of it names it."""
    recipe = choose(_folder(tmp_path / "drawn", "abcdef", ""), "unet", method=method)
    assert recipe.phases[-1].objective == objective
    assert about_method(recipe.phases).startswith(f"{method}: ")


def test_a_method_that_the_labels_do_not_allow_is_refused(tmp_path):
    """With the names of those that they do; each of them can be chosen."""
    data = _folder(tmp_path / "drawn", "abcdef", "")
    with pytest.raises(RecipeInvalid, match="one of joint, gated-crf, partial"):
        choose(data, "unet", method="constraints")
    for name in ("joint", "gated-crf", "partial"):
        assert choose(data, "unet", method=name).phases


def test_where_every_pixel_is_drawn_nothing_is_inferred(tmp_path):
    """Full masks: one phase of full supervision."""
    data = _folder(tmp_path / "full", "abcdef", "abcdef")
    (phase,) = choose(data, "unet", labels=("masks",)).phases
    assert phase.objective == Fit(SeedsOnly())


def test_a_default_of_two_phases_can_be_tried_for_an_epoch(tmp_path):
    """`--epochs 1` trains the first phase alone, and 2 both."""
    recipe = choose(_folder(tmp_path / "drawn", "abcdef", "abcdef"), "unet")
    assert with_epochs(recipe, 1).phases == (replace(recipe.phases[0], epochs=1),)
    run = train_recipe(with_epochs(recipe, 2), tmp_path / "run", device="cpu", recipe_text=source(recipe))
    assert [bool(row.get("solve_gap") is not None) for row in run.metrics] == [False, True]


def test_masks_alone_are_learnt_from_when_asked_for(tmp_path):
    """The error says how, and it works."""
    keys = ["p0", "p1", "p2", "p3"]
    root = tmp_path / "data"
    _folder(root, keys, keys)
    shutil.rmtree(root / "scribbles")
    with pytest.raises(DataInvalid, match="nothing is drawn on any .*[\\s\\S]*--labels masks"):
        choose(str(root), "unet")
    assert choose(str(root), "unet", ("masks",)).phases[0].objective == Fit(SeedsOnly())


def test_tables_that_say_nothing_are_not_enough(tmp_path):
    """A header alone tags no image."""
    with pytest.raises(DataInvalid, match=r"nothing is said of one[\s\S]*tags\.csv"):
        choose(_said(tmp_path / "silent", tags=TAGS[:1]), "unet")
