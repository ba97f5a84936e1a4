"""nnU-Net's raw data: images with the labels that stage A finds, and "ignore" where it is unsure.

Images are flat, so that files are PNG, which nnU-Net reads with its `NaturalImage2DIO`.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from PIL import Image

from weakseg.data.sample import Dataset, Sample
from weakseg.data.soft_target import SoftTarget, soft_seen
from weakseg.data.stroke import draw_into
from weakseg.errors import DataInvalid, RunInvalid, WriteRefused
from weakseg.evaluation.predictor import Predictor
from weakseg.files.paths import require_new
from weakseg.files.whole_file import unfinished
from weakseg.recipe.foreign import foreign_parts
from weakseg.runs.datasets import Run
from weakseg.runs.names import TARGETS
from weakseg.train.hidden_segmentation import hidden_segmentation
from weakseg.train.targets import Target, Targets
from weakseg.train.update_targets import fit_in
from weakseg.types import UNLABELED, Classes

_NAME = re.compile(r"Dataset\d{3}_[\w-]+")
_FOLDS = 5


@dataclass(frozen=True)
class Labelled:
    """What was written."""

    images: int
    taught: float
    """Fraction of all pixels with a class; the others are ignored."""
    drawn: float
    """Fraction of all pixels that annotators had labelled."""


def write_nnunet(
    run: Run, predictor: Predictor, samples: Dataset, folder: Path, sure: float, progress: Callable[[int, int], None]
) -> Labelled:
    """Write the training images of a run as raw data of nnU-Net.

    Args:
        run: the run, whose last objective finds the labels; stored targets are taken where it has them.
        predictor: its network.
        samples: its training images.
        folder: the new folder, `DatasetNNN_Name`.
        sure: least probability of a pixel's class, below which the pixel is ignored.
        progress: called with the number of images done, and of all images.

    Raises:
        WriteRefused: the folder exists already, or cannot be written.
        DataInvalid: its name is not one of nnU-Net's, or two images would have the same name.
        RunInvalid: the run's objective has no solver that can be made here.
    """
    require_new(folder, "--nnunet")
    if not _NAME.fullmatch(folder.name):
        fix = "name it so; nnU-Net finds it by the number"
        raise DataInvalid(f"{folder.name} is no name of a data set", expected="Dataset101_Hearts", fix=fix)
    cases = _cases(samples.keys)
    find = _finder(run, predictor)
    numbers, labels = _numbers(samples.classes)
    taught = drawn = pixels = 0
    volumes: dict[str, list[str]] = {}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(folder.parent) as parent:
            made = parent / folder.name
            for part in ("imagesTr", "labelsTr"):
                (made / part).mkdir(parents=True)
            for index, case in enumerate(cases):
                sample = samples[index]
                seeds = _seeds(sample)
                known = _known(sample, find(sample), seeds, len(samples.classes), sure)
                for number, channels in enumerate(_files(sample)):
                    Image.fromarray(channels).save(made / "imagesTr" / f"{case}_{number:04d}.png")
                written = np.where(known == UNLABELED, labels["ignore"], numbers[known]).astype(np.uint8)
                Image.fromarray(written).save(made / "labelsTr" / f"{case}.png")
                taught, pixels = taught + int((known != UNLABELED).sum()), pixels + known.size
                drawn += int((seeds != UNLABELED).sum())
                volumes.setdefault(sample.volume or sample.key, []).append(case)
                progress(index + 1, len(cases))
            found = Labelled(len(cases), taught / pixels, drawn / pixels)
            _describe(made, samples[0], labels, found)
            _write(made / "splits_final.json", _splits(list(volumes.values())))
            # Last and at once: nnU-Net never sees half of a data set.
            os.rename(made, folder)
    except OSError as error:
        raise WriteRefused(
            f"{folder} cannot be written: {error.strerror or error}", fix="choose another place"
        ) from error
    return found


def _cases(keys: tuple[str, ...]) -> list[str]:
    cases = [re.sub(r"[^\w.-]", "_", key) for key in keys]
    if len({*cases}) < len(cases):
        twice = sorted({key for key, case in zip(keys, cases, strict=True) if cases.count(case) > 1})
        raise DataInvalid(f"images would have the same name: {', '.join(twice[:4])}", fix="rename one of each pair")
    return cases


def _finder(run: Run, predictor: Predictor) -> Callable[[Sample], Target]:
    """What finds the target of an image: the stored one, or the run's solver."""
    objective = run.recipe.phases[-1].objective
    if (run.path / TARGETS).is_dir():
        stored = Targets(run.path / TARGETS)
        return stored
    if any(foreign_parts(objective)):
        raise RunInvalid(f"the objective of {run.path} was made by your own code", fix=run.rebuilding)
    solver = fit_in(objective).solver
    return lambda sample: hidden_segmentation(solver, sample, predictor.log_probs(sample.image[None])[0], None)[0]


def _seeds(sample: Sample) -> Int[np.ndarray, "H W"]:
    # A copy: samples are shared with whatever else reads the data set.
    seeds = sample.seeds.copy()
    for stroke in sample.strokes:
        draw_into(seeds, stroke.points, stroke.width_px, stroke.label)
    return np.where(sample.valid, seeds, UNLABELED)


def _known(
    sample: Sample, target: Target, seeds: Int[np.ndarray, "H W"], classes: int, sure: float
) -> Int[np.ndarray, "H W"]:
    """Labels, `UNLABELED` where the target is unsure; what was drawn is sure."""
    if isinstance(target, SoftTarget):
        weighted = soft_seen(target, np.eye(2, 3), target.size, classes)
        most, weight = weighted.max(0), weighted.sum(0)
        # `weighted` is probability times weight, so both sides are multiplied by the weight.
        labels = np.where((weight > 0) & (most >= sure * weight), weighted.argmax(0), UNLABELED)
    else:
        labels = target
    labels = np.where(sample.valid, labels, UNLABELED)
    # What was drawn overrules what was found.
    return np.where(seeds != UNLABELED, seeds, labels).astype(int)


def _numbers(classes: Classes) -> tuple[Int[np.ndarray, " C"], dict[str, int]]:
    """The number of each class, and the numbers by name: background is 0, and "ignore" the highest."""
    if len(classes) > 254:
        raise DataInvalid(f"{len(classes)} classes", expected="at most 254 for label maps of 8 bits")
    others = [index for index in range(len(classes)) if index != classes.background]
    numbers = np.zeros(len(classes), int)
    # nnU-Net demands consecutive numbers and 0 for the background, also where there is no such class.
    numbers[others] = np.arange(1, len(others) + 1)
    taken = ("background", "ignore")
    named = {f"{name}_" if name in taken else name: number for name, number in _of(classes, numbers, others)}
    return numbers, {"background": 0, **named, "ignore": len(others) + 1}


def _of(classes: Classes, numbers: Int[np.ndarray, " C"], others: list[int]) -> Iterator[tuple[str, int]]:
    return ((classes.names[index], int(numbers[index])) for index in others)


def _files(sample: Sample) -> list[np.ndarray]:
    """The image's files: one of grey or of colours, or one for each of other channels."""
    # In as many bits as the file had; more would be invented, fewer would be lost.
    whole = 255 if sample.held is None else 65535
    kind = np.uint8 if sample.held is None else np.uint16
    values = (sample.image.clip(0, 1) * whole).round().astype(kind)
    return [np.moveaxis(values, 0, -1)] if len(values) == 3 and sample.held is None else [*values]


def _describe(folder: Path, first: Sample, labels: dict[str, int], found: Labelled) -> None:
    channels = len(first.image)
    names = ("R", "G", "B") if channels == 3 else [f"channel {number}" for number in range(channels)]
    content = {
        "channel_names": {str(number): name for number, name in enumerate(names)},
        "labels": labels,
        "numTraining": found.images,
        "file_ending": ".png",
        "description": f"Labels found by weakseg from marks on {found.drawn:.2%} of the pixels; "
        f"{1 - found.taught:.2%} are ignored because their class is unsure.",
    }
    _write(folder / "dataset.json", content)


def _splits(volumes: list[list[str]]) -> list[dict[str, list[str]]]:
    """Folds in which no volume is divided."""
    folds = min(_FOLDS, len(volumes))
    # Whole volumes: slices of one patient on both sides make the validation too good.
    parts = [[case for volume in volumes[fold::folds] for case in volume] for fold in range(folds)]
    everything = [case for volume in volumes for case in volume]
    return [{"train": [case for case in everything if case not in {*part}], "val": part} for part in parts]


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
