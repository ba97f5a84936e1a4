"""A run as one frozen object.

It names the data, the network, the losses and how long each of them is minimised.

A recipe is a Python file whose last line binds `recipe = Recipe(...)`; `repr(recipe)` is the record of the run.
"""

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.loss import _Loss

from weakseg.data.augment import Augment
from weakseg.data.crop_tags import CropTagsFromTruth
from weakseg.data.sample import Dataset
from weakseg.errors import RecipeInvalid, WeaksegError
from weakseg.joint.across_slices import AcrossSlices
from weakseg.losses.nested import parts
from weakseg.losses.objectives import Fit
from weakseg.networks.network import NetworkSpec
from weakseg.recipe.foreign import Foreign, foreign_parts
from weakseg.types import Objective


@dataclass(frozen=True)
class Phase:
    """A part of training with one objective.

    A warm-up followed by the main objective is two phases.
    """

    objective: Objective
    """The loss to minimise: `Fit(...)`, `Sum(...)` or any callable (logits, batch) -> scalar."""
    epochs: int
    """The length of the phase in epochs, 1 or more."""
    learning_rate: float = 2e-4
    """The highest learning rate of pretrained parameters, above 0."""
    warm_up: float = 0.05
    """The fraction of the phase's steps over which the learning rate rises from 0, in [0, 1]."""
    decay_power: float = 0.9
    """The exponent of the decay after the warm-up: the rate falls as ((1 - fraction done) / (1 - warm_up)) to this
    power, from the highest to 0."""
    steps_per_batch: int = 1
    """The number of steps, 1 or more, taken on each batch; the hidden segmentation found at the first is kept for the
    others. An epoch has the same number of steps, and so many times fewer views. Pathak et al. 2015, section 4.2."""
    update_targets_every: int | None = None
    """Epochs, 1 or more, between updates of the targets, found for whole images and stored in the run folder;
    the first update comes before the phase. `None`: each step solves for the views that it sees."""
    fresh_optimizer: bool = False
    """Whether the optimiser's state is reset at the phase's first step: momentum, and AdamW's mean squares. Weights and
    averaged weights stay."""


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay."""

    weight_decay: float = 1e-2
    """The fraction of itself that each parameter loses at a step, times the learning rate; 0 or above."""
    fresh_factor: float = 10.0
    """The factor by which the learning rate is larger for parameters without pretrained weights, where a network names
    them."""


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent with momentum.

    It is the optimiser of both papers.
    """

    momentum: float = 0.9
    """The fraction of the last step's direction that the next step keeps, in [0, 1)."""
    weight_decay: float = 5e-4
    """The multiple of each parameter that is added to its gradient, which pulls it to 0; 0 or above."""
    fresh_factor: float = 10.0
    """The factor by which the learning rate is larger for parameters without pretrained weights, where a network names
    them."""


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on."""

    training: Dataset
    """The training images, with their weak labels."""
    network: NetworkSpec
    """The network to train: `Pretrained(...)`, `UNet()` or another object with `build` and `rebuild`."""
    phases: tuple[Phase, ...]
    """The objectives and how long each is minimised, one phase after the other; at least one."""
    validation: Dataset | None = None
    """Images with masks, on which the best epoch is chosen; `None` keeps the last epoch."""
    augment: Augment | CropTagsFromTruth = field(default_factory=Augment)
    """The random views of the training images that the network is trained on."""
    optimizer: AdamW | Sgd = field(default_factory=AdamW)
    """The optimiser: `AdamW()` or `Sgd()`."""
    batch_size: int = 8
    """The number of images per step, over all processes together; 1 or more."""
    validate_every: int = 5
    """The number of epochs between validations, 1 or more; the last epoch is always validated."""
    least_steps: int = 1
    """The fewest steps of an epoch, 1 or more; a smaller training set is repeated within an epoch, in other views."""
    patience: int | None = None
    """The number of validations without a higher mIoU, 1 or more, after which training stops; `None` never stops it."""
    average: float | None = None
    """The decay of averaged weights, in [0, 1), as .99 or .999; it is lower at first. The averaged weights are
    validated, kept as the best, and used to update targets; `None` uses the weights themselves. Tarvainen and Valpola
    2017."""
    bf16: bool = False
    """Whether the network runs in bfloat16 where that is safe; losses stay in float32, and so does everything on a CPU
    without such instructions."""
    seed: int = 0
    """The random seed of fresh parameters, views and their order; 0 or more."""

    def __post_init__(self):
        wrong = [*_wrong_parts(self), *([] if self.phases else ["phases is empty, so nothing would be trained"])]
        for name, least in {"batch_size": 1, "validate_every": 1, "least_steps": 1, "seed": 0}.items():
            wrong += _wrong_count(name, getattr(self, name), least)
        wrong += [] if self.patience is None else _wrong_count("patience", self.patience, 1)
        if self.average is not None and not 0 <= self.average < 1:
            wrong.append(f"average is {self.average}")
        for i, phase in enumerate(self.phases):
            wrong += _wrong_count(f"phases[{i}].epochs", phase.epochs, 1)
            wrong += _wrong_count(f"phases[{i}].steps_per_batch", phase.steps_per_batch, 1)
            if phase.update_targets_every is not None:
                wrong += _wrong_count(f"phases[{i}].update_targets_every", phase.update_targets_every, 1)
            if not phase.learning_rate > 0:
                wrong.append(f"phases[{i}].learning_rate is {phase.learning_rate}")
            wrong += _wrong_objective(f"phases[{i}].objective", phase)
        wrong += _classes_for_instances(self, "recipe")
        if wrong:
            expected = (
                "whole counts and rates above 0, an average in [0, 1), callable objectives, and data sets, networks "
                "and optimisers"
            )
            raise RecipeInvalid("; ".join(wrong), expected=expected)

    @property
    def epochs(self) -> int:
        """The number of epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)


def _wrong_count(name: str, value: object, least: int) -> list[str]:
    # torch and numpy both take random seeds of up to 63 bits.
    return [] if isinstance(value, int) and least <= value < 2**63 else [f"{name} is {value!r}"]


def _classes_for_instances(value: object, where: str) -> list[str]:
    """Messages about classes given in place of instances.

    A typical one is `UNet` for `UNet()`.
    """
    if isinstance(value, type):
        return [f"{where} is the class {value.__name__}; write {value.__name__}(...)"]
    if isinstance(value, (tuple, list)):
        return [each for i, part in enumerate(value) for each in _classes_for_instances(part, f"{where}[{i}]")]
    if not is_dataclass(value):
        return []
    held = ((field.name, getattr(value, field.name, None)) for field in fields(value))
    return [each for name, part in held for each in _classes_for_instances(part, f"{where}.{name}")]


def _wrong_objective(name: str, phase: Phase) -> list[str]:
    # A class is callable too, but makes an objective instead of being one: `Fit` for `Fit(...)`.
    if isinstance(phase.objective, _Loss):
        loss = type(phase.objective).__name__
        return [f"{name} is torch's {loss}, which does not take a batch; use Fit(SeedsOnly()), partial cross entropy"]
    if not callable(phase.objective) or isinstance(phase.objective, type):
        return [f"{name} is {phase.objective!r}, which is not an objective"]
    fits = [*parts(phase.objective, Fit)]
    if phase.update_targets_every is None and any(True for _ in parts(phase.objective, AcrossSlices)):
        return [f"{name} solves for whole volumes, and views are none; set update_targets_every in its phase"]
    # A batch carries one target.
    if phase.update_targets_every is not None and len(fits) != 1 and not any(foreign_parts(phase.objective)):
        return [f"{name} has {len(fits)} terms that solve, instead of exactly one with update_targets_every"]
    if phase.steps_per_batch != 1 and len(fits) > 1:
        return [f"{name} has {len(fits)} terms that solve, instead of at most one with steps_per_batch"]
    return []


def _wrong_parts(recipe: Recipe) -> list[str]:
    """Messages about parts of the wrong kind.

    They are recognised by their attributes, because opening a data set takes time.
    """
    needed = {"training": {"classes", "keys"}, "validation": {"classes", "keys"}, "network": {"build", "rebuild"}}
    needed |= {"optimizer": {"fresh_factor"}, "augment": {"__call__"}}
    given = [(name, getattr(recipe, name), has) for name, has in needed.items()]
    if isinstance(recipe.network, nn.Module):
        kind = type(recipe.network).__name__
        how = "FromModule(make_network), of weakseg.networks, where make_network(channels, classes) makes it"
        return [f"network is a {kind} module; give {how}"]
    torchs = [
        f"{name} is torch's dataset {type(part).__name__}; give FromArrays(images, classes, ...), of weakseg.datasets"
        for name, part, has in given
        if isinstance(part, torch.utils.data.Dataset) and not has <= {*dir(part)}
    ]
    return torchs or [
        f"{name} is {part!r}, which has no {' and no '.join(sorted(has - {*dir(part)}))}"
        for name, part, has in given
        if not has <= {*dir(part)} and not isinstance(part, Foreign) and (part, name) != (None, "validation")
    ]


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe with another number of epochs.

    They are divided among its phases as before, at least one each.

    With fewer epochs than phases, only so many of the first phases are kept.
    """
    if epochs < 1:
        raise RecipeInvalid(f"{epochs} epochs", expected="1 or more")
    recipe = replace(recipe, phases=recipe.phases[:epochs])
    ends, ratio = [0], epochs / recipe.epochs
    for done in range(1, len(recipe.phases) + 1):
        target = round(sum(p.epochs for p in recipe.phases[:done]) * ratio)
        # Each phase keeps an epoch at least, and leaves one for each that follows.
        ends.append(min(max(target, ends[-1] + 1), epochs - (len(recipe.phases) - done)))
    lengths = [end - start for start, end in zip(ends, ends[1:], strict=False)]
    phases = tuple(replace(phase, epochs=length) for phase, length in zip(recipe.phases, lengths, strict=True))
    return replace(recipe, phases=phases)


def load_recipe(path: Path) -> Recipe:
    """The recipe that a Python file defines.

    Raises:
        RecipeInvalid: the file is missing, does not run, or defines no `recipe`; the message names the line.
    """
    if not path.is_file():
        raise RecipeInvalid(f"there is no recipe file {path}", fix="check the path, or give a data folder instead")
    try:
        with _beside(path):
            # The user's own file, which is run because the user named it on the command line.
            bound = runpy.run_path(str(path))
    except WeaksegError:
        raise
    except (Exception, SystemExit) as error:
        line = getattr(error, "lineno", None) or _line_in(path, error)
        raise RecipeInvalid(
            f"{path}, line {line}: {type(error).__name__}: {error}",
            expected="a Python file that runs and ends in recipe = Recipe(...)",
            fix="correct that line",
        ) from error
    recipe = bound.get("recipe")
    if not isinstance(recipe, Recipe):
        raise RecipeInvalid(
            f"{path} defines no recipe: `recipe` is of type {type(recipe).__name__}",
            expected="recipe = Recipe(...)",
            fix="end the file with recipe = Recipe(...)",
        )
    return recipe


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Imports from the recipe's own folder.

    They work as when Python runs the file.
    """
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _line_in(path: Path, error: BaseException) -> int | str:
    """The last line of the recipe in a traceback."""
    line, trace = "?", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def steps_per_epoch(count: int, batch_size: int, least: int = 1) -> int:
    """The number of full batches in `count` images.

    It is at least `least`.
    """
    return max(count // batch_size, least)
