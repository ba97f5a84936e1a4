"""Validation while a network trains.

The images are divided among the processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakseg.data.sample import Dataset, Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.evaluation.evaluate import evaluate
from weakseg.evaluation.predictor import Predictor, require_channels
from weakseg.evaluation.scores import WIDTHS_PX, Scores
from weakseg.recipe.recipe import Recipe
from weakseg.train import engine
from weakseg.train.loader import Share
from weakseg.types import Classes

_KEPT = ("mean_iou", "mean_dice", "pixel_accuracy", "iou", "dice", "trimap")


@dataclass(frozen=True)
class _Part:
    """Every n-th sample of a dataset."""

    samples: Dataset
    share: Share

    @property
    def classes(self) -> Classes:
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        return self.samples.keys[self.share.rank :: self.share.of]

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[self._indices[index]]

    @property
    def _indices(self) -> range:
        return range(self.share.rank, len(self.samples), self.share.of)


def stopped_early(recipe: Recipe, metrics: Sequence[dict[str, Any]]) -> bool:
    """Whether the patience of a training is exhausted.

    So many validations have passed without a higher score.
    """
    scores = [line["mean_iou"] for line in metrics if line.get("mean_iou") is not None]
    return recipe.patience is not None and bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= recipe.patience


def is_due(recipe: Recipe, epoch: int) -> bool:
    """Whether an epoch is validated.

    Every `validate_every`-th epoch is, and the last.
    """
    last = epoch + 1 == recipe.epochs
    return recipe.validation is not None and (last or (epoch + 1) % recipe.validate_every == 0)


def require_validatable(recipe: Recipe, channels: int) -> None:
    """Check before training that validation is possible.

    Only the first validation image is read.

    Raises:
        RecipeInvalid: the images have other classes than the training images.
        DataInvalid: the image cannot be read, has no mask or another number of channels.
    """
    if recipe.validation is None:
        return
    validated, learnt = recipe.validation.classes.names, recipe.training.classes.names
    if validated != learnt:
        found = f"the validation images have the classes {', '.join(validated)}"
        raise RecipeInvalid(found, expected=f"those of the training images: {', '.join(learnt)}")
    if not len(recipe.validation):
        raise RecipeInvalid("the validation set has no images", fix="leave `validation` out, or give it images")
    first = recipe.validation[0]
    require_channels(first.image, channels, f"validation image '{first.key}'")
    if first.truth is None:
        fix = "add the masks, or train without `validation`"
        raise DataInvalid(f"validation image '{first.key}' has no mask to evaluate with", fix=fix)


def validate(recipe: Recipe, predictor: Predictor, accelerator: engine.Accelerator, share: Share) -> dict[str, Any]:
    """Scores on the validation images.

    They are mean IoU, mean Dice, pixel accuracy, those of each class, and mean IoU near boundaries.
    """
    assert recipe.validation is not None
    part = _Part(recipe.validation, share)
    # With more processes than images, some have no part.
    found = evaluate(predictor, part, WIDTHS_PX) if len(part) else None
    scores = Scores.joined([each for each in engine.gathered(accelerator, found) if each])
    predicted = np.flatnonzero(scores.matrices.sum((0, 1)))
    alone = {"predicted_alone": scores.classes.names[predicted[0]]} if _one_of_several(scores, len(predicted)) else {}
    return {name: scores.summary[name] for name in _KEPT} | alone


def _one_of_several(scores: Scores, predicted: int) -> bool:
    """Whether one class is predicted where masks show several."""
    return predicted == 1 and bool(np.count_nonzero(scores.matrices.sum((0, 2))) > 1)
