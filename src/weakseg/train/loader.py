"""Which views make up which step: a function of the seed, the epoch and the step alone.

Nothing is remembered between epochs, so a resumed run, and each of several processes, sees what it would have seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import DataLoader

from weakseg.data.augment import Augment
from weakseg.data.crop_tags import CropTagsFromTruth
from weakseg.data.sample import Dataset, Sample
from weakseg.data.view import of_one_size
from weakseg.types import Batch


@dataclass(frozen=True)
class Share:
    """Which part of every global batch this process takes."""

    rank: int = 0
    of: int = 1


Collate = Callable[[list[Batch]], tuple[Batch, ...]]
"""How the views of a step become batches: `of_one_size`, or `together` for networks with batch statistics."""

Remember = Callable[[Sample], Int[np.ndarray, "H W"] | None]
"""What an earlier solve found for a picture; travels through augmentation with its labels."""


def nothing(sample: Sample) -> None:
    """Where nothing is remembered."""


@dataclass(frozen=True)
class _Views(torch.utils.data.Dataset):
    samples: Dataset
    augment: Augment | CropTagsFromTruth
    seed: int
    remember: Remember

    def __getitem__(self, index: tuple[int, int]) -> Batch:
        epoch, picture = index
        sample, generator = self.samples[picture], np.random.default_rng([self.seed, epoch, picture])
        return self.augment(sample, generator, self.remember(sample))


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Full batches in `count` pictures; at least one."""
    return max(count // batch_size, 1)


def order(count: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices of each global batch of an epoch; a set smaller than a batch is gone through more than once."""
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    steps = steps_per_epoch(count, batch_size)
    return np.resize(shuffled, steps * batch_size).reshape(steps, batch_size).tolist()


def batches_of(
    samples: Dataset,
    augment: Augment | CropTagsFromTruth,
    batch_size: int,
    seed: int,
    epochs: range,
    share: Share,
    workers: int,
    remember: Remember = nothing,
    collate: Collate = of_one_size,
) -> Iterator[tuple[Batch, ...]]:
    """What each step of some epochs is made of, as far as this process is concerned: a batch for each size of view.

    One loader serves all of them, so that workers start once, keep what they have simulated, and are at the next
    epoch's views while this one is validated.
    """
    mine = [
        [(epoch, picture) for picture in batch[share.rank :: share.of]]
        for epoch in epochs
        for batch in order(len(samples), batch_size, seed, epoch)
    ]
    views = _Views(samples, augment, seed, remember)
    yield from DataLoader(views, batch_sampler=mine, collate_fn=collate, num_workers=workers)
