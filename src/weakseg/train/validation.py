"""Scores on the validation images while a network trains, shared out over the processes."""

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
    """Every n-th sample of a data set."""

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
    """Whether so many validations have passed without a higher score that the training is over."""
    scores = [line["mean_iou"] for line in metrics if line.get("mean_iou") is not None]
    return recipe.patience is not None and bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= recipe.patience


def is_due(recipe: Recipe, epoch: int) -> bool:
    """Whether this epoch is validated: every `validate_every` epochs, and the last."""
    last = epoch + 1 == recipe.epochs
    return recipe.validation is not None and (last or (epoch + 1) % recipe.validate_every == 0)


def require_judgeable(recipe: Recipe, channels: int) -> None:
    """Find out on the first validation image, before the training, whether the network can be judged.

    Raises:
        RecipeInvalid: the images have other classes than the training's.
        DataInvalid: the image cannot be read, has no mask or another number of channels.
    """
    if recipe.validation is None:
        return
    judged, learnt = recipe.validation.classes.names, recipe.training.classes.names
    if judged != learnt:
        found = f"the validation images have the classes {', '.join(judged)}"
        raise RecipeInvalid(found, expected=f"those of the training images: {', '.join(learnt)}")
    if not len(recipe.validation):
        raise RecipeInvalid("there are no validation images", fix="leave `validation` out, or give it images")
    first = recipe.validation[0]
    require_channels(first.image, channels, f"validation image '{first.key}'")
    if first.truth is None:
        fix = "add the masks, or train without `validation`"
        raise DataInvalid(f"validation image '{first.key}' has no mask to be judged by", fix=fix)


def validate(recipe: Recipe, predictor: Predictor, accelerator: engine.Accelerator, share: Share) -> dict[str, Any]:
    """Mean IoU, mean Dice, pixel accuracy, those of each class, and mean IoU near boundaries on validation images."""
    assert recipe.validation is not None
    part = _Part(recipe.validation, share)
    # More processes than images leave some without a part.
    found = evaluate(predictor, part, WIDTHS_PX) if len(part) else None
    scores = Scores.joined([each for each in engine.gathered(accelerator, found) if each])
    predicted = np.flatnonzero(scores.matrices.sum((0, 1)))
    alone = {"predicted_alone": scores.classes.names[predicted[0]]} if _one_of_several(scores, len(predicted)) else {}
    return {name: scores.summary[name] for name in _KEPT} | alone


def _one_of_several(scores: Scores, predicted: int) -> bool:
    """Whether one class alone is predicted where the masks show several."""
    return predicted == 1 and bool(np.count_nonzero(scores.matrices.sum((0, 2))) > 1)
