"""The default recipe for a data folder."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from weakseg.constraint_choice.for_tables import TABLES, rules_for
from weakseg.constraints.linear_rows import All, Constraint
from weakseg.constraints.of_each_view import OfEachView
from weakseg.data.augment import Augment
from weakseg.data.check.ranges import dim_samples
from weakseg.data.check.units import units_of_samples
from weakseg.data.fold import Fold
from weakseg.data.folder.contents import is_listed, list_files
from weakseg.data.folder.declaration import read_declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.folder.volumes import group_of, proposed
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.losses.nested import parts
from weakseg.networks.network import NetworkSpec
from weakseg.networks.unet import UNet
from weakseg.pretrained.pretrained import Pretrained
from weakseg.recipe.learnable import require_learnable
from weakseg.recipe.method import methods, named
from weakseg.recipe.recipe import AdamW, Phase, Recipe, steps_per_epoch
from weakseg.types import UNLABELED, UNTOLD

_SHARED_WEIGHTS = "mobilenet_v2_imagenet"
_HUB_WEIGHTS = "google/mobilenet_v2_1.0_224"
_STEPS, _LEAST_STEPS = 800, 25
"""Steps of the whole training, and fewest steps of an epoch: eight images would otherwise make eight hundred epochs of
one step."""
_VALIDATIONS, _PATIENCE = 12, 5
"""Validations over the whole training, and validations without a higher score that end it."""
_SMALL_IMAGE, _SMALL_WHOLE_IMAGE = 300, 150
"""An image whose shorter side is below this is enlarged twice: at stride 16 its objects would be a cell or two.
Whole images are larger than crops, so that only very small ones are worth the time."""
_LOOKED_AT = 48
_ALL = 0.99
"""Fraction of the valid pixels from which on an image counts as labelled everywhere: borders are often left out."""
_PIXELS_A_STEP = 8 * 320**2
"""Of whole images; larger images come fewer at a time."""


def choose(
    data: str, network: str | None = None, labels: tuple[str, ...] | None = None, method: str | None = None
) -> Recipe:
    """A recipe that suits the labels of a data folder.

    Drawings are learnt on crops, constraints on whole images or large crops.

    Args:
        data: a data folder, or the name of one under $WEAKSEG_DATA.
        network: `unet` for a small network from scratch, else a hub name or a folder of pretrained weights;
            by default a MobileNetV2 with ImageNet weights.
        labels: label folders and tables to learn from, in place of all that the data folder holds; masks are then
            for validation alone, unless "masks" is one of them.
        method: a name of `methods`, in place of the best one for these labels.

    Raises:
        DataInvalid: nothing is drawn on any training image, nor said of it, or a class can never be learnt.
        RecipeInvalid: there is no method of that name for these labels.
    """
    training, validation = _split(data, labels)
    # Some images, evenly spaced, stand for all: reading every image of a large folder would take longer than the choice
    # is worth.
    few = _looked_at(training)
    images = training if isinstance(training, Folder) else training.samples
    assert isinstance(images, Folder)
    root, tables = images.root, images.tables
    drawn, everything = _drawn(few)
    rules = rules_for(tables, few, training.classes, drawn)
    if problems := [*units_of_samples(few), *dim_samples(few, read_declaration(root).range)]:
        raise DataInvalid.of([problem.at(root) for problem in problems])
    require_learnable(training, validation, few, ruled=rules is not None)
    chosen = named(methods(rules, drawn, everything, len(training.classes)), method)
    # The median, because one thumbnail among large images must not decide.
    shorter = int(np.median([min(s.valid.shape) for s in few]))
    demands = [each for each in parts(chosen.objective, Constraint) if each != All(())]
    enlarge = 2 if shorter < (_SMALL_WHOLE_IMAGE if demands else _SMALL_IMAGE) else 1
    crop = _crop(demands, shorter, enlarge)
    pixels = np.median([s.valid.size for s in few]) if crop is None else crop**2
    # Memory and time of a step are kept about equal, whatever the size of the images.
    batch_size = max(min(8, len(training), int(_PIXELS_A_STEP / (pixels * enlarge**2))), 1)
    # Without drawings, pretrained networks learn better slowly (recipes/tables/things_tuning.py).
    spec = _network(network, enlarge)
    rate = 3e-3 if isinstance(spec, UNet) else 2e-4 if demands and not drawn else 5e-4
    # The number of steps is what learning takes; epochs of small folders are short, so there are more of them.
    epochs = max(round(_STEPS / steps_per_epoch(len(training), batch_size, _LEAST_STEPS)), 1)
    return Recipe(
        training=training,
        validation=validation,
        network=spec,
        phases=chosen.phases(Phase(chosen.objective, epochs, learning_rate=rate)),
        augment=_views(demands, crop),
        average=0.99,
        optimizer=AdamW(),
        batch_size=batch_size,
        validate_every=max(round(epochs / _VALIDATIONS), 1),
        least_steps=_LEAST_STEPS,
        patience=_PATIENCE,
    )


def _views(demands: list[Constraint], crop: int | None) -> Augment:
    if crop is None:
        return Augment(crop=None)
    # What crops are taken to show is truer the more of their images they show: from all to six tenths.
    return Augment((crop, crop), zoom=(0.7, 1.1)) if demands else Augment((crop, crop), centre_on_labels=0.5)


def _crop(demands: list[Constraint], shorter: int, enlarge: int) -> int | None:
    """The side of crops in pixels; `None` for whole images.

    Where constraints on images are taken to be true of crops, crops are as large as images are high, so that they miss
    few classes.
    """
    if not demands:
        return min(224 // enlarge, 32 * max(shorter // 32, 1))
    return 32 * -(-shorter // 32) if all(isinstance(each, OfEachView) for each in demands) else None


def _split(data: str, labels: tuple[str, ...] | None) -> tuple[Folder | Fold, Folder | Fold | None]:
    """Training and validation images.

    They are the folder's own splits, else four fifths and one fifth of the volumes.
    """
    root = Folder(data, split="all").root
    masks = list_files(root / "masks", [], read_declaration(root).nested) if (root / "masks").is_dir() else {}
    images = Folder(data, "train" if is_listed(root, "train") else "all", labels)
    if labels is not None:
        # The masks of fully labelled images would be learnt from too, unasked.
        images = replace(images, declaration=replace(read_declaration(root), fully_labelled=()))
    if not masks:
        return images, None
    if is_listed(root, "val"):
        training, validation = images, Folder(data, "val", labels=())
    else:
        # Slices of one patient are alike: on both sides of a split they would make scores too high.
        group = grouping(images)
        volumes = {group_of(key, group) for key in images.keys}
        if len(volumes) < 2:
            return images, None
        parts = min(5, len(volumes))
        training, validation = (Fold(images, held_out, of=parts, group=group) for held_out in (False, True))
    _require_masks(validation.keys, masks, root)
    return training, validation


def grouping(images: Folder) -> str:
    """The expression that keeps slices together in a split.

    It is the folder's own, else what the names suggest, and serves automatic splits.
    """
    own = read_declaration(images.root).volume
    series = None if own else proposed(images.keys)
    return own if series is None else series.group


def about_split(recipe: Recipe) -> str:
    """A sentence on a split that follows names alone.

    It is empty where the split follows anything else.
    """
    training = recipe.training
    if not isinstance(training, Fold) or not isinstance(training.samples, Folder):
        return ""
    if not training.group or training.group == read_declaration(training.samples.root).volume:
        return ""
    return (
        f"the names look like slices: what '{training.group}' matches in them stays on one side of the split into "
        "training and validation (`weakseg check` proposes a `volume` for dataset.toml)"
    )


def about_places(recipe: Recipe) -> str:
    """A sentence on labels that cannot say where classes are.

    It is empty unless tags and sizes are all there is, and no two images differ in their classes.
    """
    training = recipe.training
    few = _spread(training) if isinstance(training, Folder | Fold) else []
    alike = len(few) > 1 and len({sample.tags.tobytes() for sample in few}) == 1
    if not alike or _drawn(few)[0] or any(len(sample.boxes) for sample in few):
        return ""
    return (
        f"tags tell no two of the {len(few)} images looked at apart, and nothing is drawn or boxed: the labels say how "
        "much there is of each class and never where, so that this training cannot learn where either; mark a few "
        "pixels of every class in clicks.csv, or add images without some of the classes"
    )


def _require_masks(keys: tuple[str, ...], masks: Collection[str], root: Path) -> None:
    """Raise where validation images have no masks.

    This shows before the training, and not at its first validation.
    """
    bare = [key for key in keys if key not in masks]
    if bare:
        raise DataInvalid(
            f"{len(bare)} of the {len(keys)} images to judge by have no mask in {root / 'masks'}: {', '.join(bare)}",
            expected="a mask for each of them, or no masks at all",
            fix="list images that have a mask in splits/val.txt, and the others in splits/train.txt",
        )


def _looked_at(training: Folder | Fold) -> list[Sample]:
    """Some of the training images.

    At least one training image must have a label.
    """
    few = _spread(training)
    if not any(map(_tells, few)) and not any(map(_tells, training)):  # pyright: ignore
        raise DataInvalid(
            "nothing is drawn on any training image, and nothing is said of one",
            expected="annotations, scribbles/, clicks.csv, masks that dataset.toml declares fully_labelled, or "
            + ", ".join(TABLES),
            fix="mark a few pixels of every class, or tag the classes of every image in tags.csv; to learn from all"
            " masks, train with --labels masks",
        )
    return few


def _spread(training: Folder | Fold) -> list[Sample]:
    return [training[int(i)] for i in np.unique(np.linspace(0, len(training) - 1, _LOOKED_AT).round())]


def _drawn(few: Sequence[Sample]) -> tuple[bool, bool]:
    """Whether anything is drawn, and whether nearly everything is."""
    drawn = [float(((s.seeds != UNLABELED) & s.valid).sum() / max(s.valid.sum(), 1)) for s in few]
    return any(drawn) or any(s.strokes for s in few), min(drawn) > _ALL


def _tells(sample: Sample) -> bool:
    # What is drawn or boxed is tagged too.
    return bool((sample.tags != UNTOLD).any() or (sample.areas != [0, 1]).any())


def _network(name: str | None, enlarge: int) -> NetworkSpec:
    if name == "unet":
        return UNet()
    shared = Path(os.environ.get("WEAKSEG_WEIGHTS", "")) / _SHARED_WEIGHTS
    usual = _SHARED_WEIGHTS if "WEAKSEG_WEIGHTS" in os.environ and shared.is_dir() else _HUB_WEIGHTS
    return Pretrained(name or usual, enlarge=float(enlarge))
