"""Which views make up which step: a function of the seed, the epoch and the step alone.

Nothing is remembered between epochs, so a resumed run, and each of several processes, sees what it would have seen.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import DataLoader

from weakseg.data.augment import Augment
from weakseg.data.crop_tags import CropTagsFromTruth
from weakseg.data.sample import Dataset, Sample
from weakseg.data.soft_target import SoftTarget
from weakseg.data.view import of_one_size
from weakseg.recipe.recipe import Recipe, steps_per_epoch
from weakseg.types import Batch


@dataclass(frozen=True)
class Share:
    """Which part of every global batch this process takes."""

    rank: int = 0
    of: int = 1


Collate = Callable[[list[Batch]], tuple[Batch, ...]]
"""How the views of a step become batches: `of_one_size`, or `together` for networks with batch statistics."""

Remember = Callable[[Sample], Int[np.ndarray, "H W"] | SoftTarget | None]
"""What an earlier solve found for an image; travels through augmentation with its labels."""


def nothing(sample: Sample) -> None:
    """Where nothing is remembered."""


@dataclass(frozen=True)
class _Views(torch.utils.data.Dataset):
    samples: Dataset
    augment: Augment | CropTagsFromTruth
    seed: int
    remember: Remember

    def __getitem__(self, index: tuple[int, int, int]) -> Batch:
        epoch, image, time = index
        # Once in an epoch is the rule; where a small set is gone through again, its images are seen in other views.
        again = [time] if time else []
        sample, generator = self.samples[image], np.random.default_rng([self.seed, epoch, image, *again])
        return self.augment(sample, generator, self.remember(sample))


def order(count: int, batch_size: int, seed: int, epoch: int, least: int = 1) -> list[list[int]]:
    """Indices of each global batch of an epoch; a set that is too small is gone through more than once."""
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    steps = steps_per_epoch(count, batch_size, least)
    return np.resize(shuffled, steps * batch_size).reshape(steps, batch_size).tolist()


def batches_of(
    recipe: Recipe,
    epochs: range,
    share: Share = Share(),
    workers: int = 0,
    remember: Remember = nothing,
    collate: Collate = of_one_size,
) -> Iterator[tuple[Batch, ...]]:
    """What each step of some epochs is made of, as far as this process is concerned: a batch for each size of view.

    One loader serves all of them, so that workers start once, keep what they have simulated, and are at the next
    epoch's views while this one is validated.
    """
    mine = [
        batch[share.rank :: share.of]
        for epoch in epochs
        for batch in _numbered(
            order(len(recipe.training), recipe.batch_size, recipe.seed, epoch, recipe.least_steps), epoch
        )
    ]
    views = _Views(recipe.training, recipe.augment, recipe.seed, remember)
    yield from DataLoader(views, batch_sampler=mine, collate_fn=collate, num_workers=workers)


def _numbered(steps: list[list[int]], epoch: int) -> Iterator[list[tuple[int, int, int]]]:
    """Each image with its epoch, and how often it came in it before."""
    before: Counter[int] = Counter()
    for batch in steps:
        numbered = []
        for image in batch:
            numbered.append((epoch, image, before[image]))
            before[image] += 1
        yield numbered
