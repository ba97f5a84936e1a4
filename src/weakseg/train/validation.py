"""Scores on the validation pictures while a network trains, shared out over the processes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from weakseg.data.sample import Dataset, Sample
from weakseg.evaluate.evaluate import evaluate
from weakseg.evaluate.predict import Predictor
from weakseg.evaluate.scores import Scores
from weakseg.train import engine
from weakseg.train.loader import Share
from weakseg.train.recipe import Recipe
from weakseg.types import Classes


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
        return len(range(self.share.rank, len(self.samples), self.share.of))

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.samples[self.share.rank + index * self.share.of]


def is_due(recipe: Recipe, epoch: int) -> bool:
    """Whether this epoch is validated: every `validate_every` epochs, and the last."""
    last = epoch + 1 == recipe.epochs
    return recipe.validation is not None and (last or (epoch + 1) % recipe.validate_every == 0)


def validate(recipe: Recipe, predictor: Predictor, accelerator: engine.Accelerator, share: Share) -> dict[str, Any]:
    """Mean IoU, mean Dice, pixel accuracy and the scores of each class on the validation pictures."""
    assert recipe.validation is not None
    part = _Part(recipe.validation, share)
    parts = [p for p in engine.gathered(accelerator, evaluate(predictor, part) if len(part) else None) if p]
    joined = Scores(
        classes=predictor.classes,
        keys=tuple(key for p in parts for key in p.keys),
        volumes=tuple(volume for p in parts for volume in p.volumes),
        matrices=np.concatenate([p.matrices for p in parts]),
    )
    return {name: joined.summary[name] for name in ("mean_iou", "mean_dice", "pixel_accuracy", "iou", "dice")}
