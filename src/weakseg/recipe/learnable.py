"""A check that labels can teach every class."""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.check.learnable import LabelledClasses, unlearnable
from weakseg.data.fold import Fold
from weakseg.data.folder.folder import Folder
from weakseg.data.sample import Dataset, Sample
from weakseg.errors import DataInvalid
from weakseg.types import PRESENT, UNLABELED, Classes


def require_learnable(training: Dataset, validation: Dataset | None, few: Sequence[Sample], ruled: bool) -> None:
    """Raise `DataInvalid` where a class cannot be learnt.

    The check is that of `weakseg check`.

    Args:
        training: the training images, read until every class has been seen in the labels.
        validation: the validation images, read only where a class has not been seen.
        few: some of the training samples, which are read first.
        ruled: whether tables give constraints, which may name the background too.
    """
    classes = training.classes
    labelled = _labelled(chain(few, (training[index] for index in range(len(training)))), classes, ruled)
    if len(classes) > 1 and labelled.known.all():
        return
    shown = [] if validation is None else (validation[index].truth for index in range(len(validation)))
    problems = list(unlearnable(labelled, _pixels(shown, classes)))
    if problems:
        raise DataInvalid.of(problems)


def require_inside(training: Dataset) -> None:
    """Raise `DataInvalid` where a box or click lies beside its image.

    It would teach nothing, or wrongly, and be met in the midst of the training.
    """
    folder = training
    while isinstance(folder, Fold):
        folder = folder.samples
    if isinstance(folder, Folder):
        folder.require_inside(training.keys)


def _labelled(samples: Iterable[Sample], classes: Classes, ruled: bool) -> LabelledClasses:
    known = np.zeros(len(classes), bool)
    for sample in samples:
        known |= _known(sample)
        if known.all():
            break
    nothing = np.zeros_like(known)
    return LabelledClasses(classes, nothing, known) if ruled else LabelledClasses(classes, known, nothing)


def _known(sample: Sample) -> Bool[np.ndarray, " C"]:
    # Samples tag whatever is drawn or boxed as present, so tags and sizes say it all.
    return (sample.tags == PRESENT) | (sample.areas != [0, 1]).any(1)


def _pixels(masks: Iterable[Int[np.ndarray, "H W"] | None], classes: Classes) -> Int[np.ndarray, " C"]:
    pixels = np.zeros(len(classes), np.int64)
    for mask in masks:
        if mask is not None:
            pixels += np.bincount(mask[mask != UNLABELED], minlength=len(classes))
    return pixels
