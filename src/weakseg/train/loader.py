"""Views of each training step, by seed, epoch and step alone.

No state is carried between epochs, so a resumed run, and each of several processes, sees what it would have seen.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.data import DataLoader

from weakseg.data.augment import Augment
from weakseg.data.crop_tags import CropTagsFromTruth
from weakseg.data.sample import Dataset
from weakseg.data.view import collate, of_one_size
from weakseg.recipe.recipe import Recipe, steps_per_epoch
from weakseg.train.targets import Targets
from weakseg.types import Batch


@dataclass(frozen=True)
class Share:
    """The part of every global batch that one process takes."""

    rank: int = 0
    of: int = 1


Collate = Callable[[list[Batch]], tuple[Batch, ...]]
"""How the views of a step become batches: `of_one_size`, or `together` for networks with batch statistics."""


@dataclass
class Views(torch.utils.data.Dataset):
    """Augmented views of a dataset with their targets.

    Each item is a `Batch` of one view; `DataLoader(views, batch_size, collate_fn=Views.collate)` joins them. Chance
    comes from torch's generator, which a DataLoader seeds in each of its workers.
    """

    samples: Dataset
    """The images with their weak labels."""
    augment: Augment | CropTagsFromTruth = field(default_factory=Augment)
    """How a view is cut from an image."""
    targets: Targets | None = None
    """Travel through the augmentation with the labels. They may be replaced between two epochs, unless the DataLoader
    has `persistent_workers`, which keep what they began with."""

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Batch:
        return self.view(index, np.random.default_rng(torch.randint(2**62, (2,)).tolist()))

    def view(self, index: int, generator: np.random.Generator) -> Batch:
        """A view of one image, by a generator's numbers."""
        sample = self.samples[index]
        return self.augment(sample, generator, None if self.targets is None else self.targets(sample))

    collate = staticmethod(collate)


@dataclass(frozen=True)
class _Numbered(torch.utils.data.Dataset):
    """Views whose numbers depend on seed, epoch and image alone."""

    views: Views
    seed: int

    def __getitem__(self, index: tuple[int, int, int]) -> Batch:
        epoch, image, time = index
        # Once in an epoch is the rule; where a small set is gone through again, its images are seen in other views.
        again = [time] if time else []
        return self.views.view(image, np.random.default_rng([self.seed, epoch, image, *again]))


def order(count: int, batch_size: int, seed: int, epoch: int, least: int = 1) -> list[list[int]]:
    """Indices of each global batch of an epoch.

    A dataset that is too small is gone through more than once.
    """
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    steps = steps_per_epoch(count, batch_size, least)
    # `resize` repeats from the start: the last batch is filled up with the epoch's first images, so that all batches
    # are equally large.
    return np.resize(shuffled, steps * batch_size).reshape(steps, batch_size).tolist()


def batches_of(
    recipe: Recipe,
    epochs: range,
    share: Share = Share(),
    workers: int = 0,
    targets: Targets | None = None,
    collate: Collate = of_one_size,
) -> Iterator[tuple[Batch, ...]]:
    """This process's batches of each step, one for each size of view.

    One loader serves all of them, so that workers start once, keep what they have simulated, and are at the next
    epoch's views while this one is validated.
    """
    mine = [
        # Every process computes the whole order and takes its part; nothing has to be agreed on.
        batch[share.rank :: share.of]
        for epoch in epochs
        for batch in _numbered(
            order(len(recipe.training), recipe.batch_size, recipe.seed, epoch, recipe.least_steps), epoch
        )
    ]
    views = _Numbered(Views(recipe.training, recipe.augment, targets), recipe.seed)
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


def readers_for(device: torch.device) -> int:
    """How many processes read images beside the training; 0: it reads them itself, because it needs all cores."""
    return 0 if device.type == "cpu" else 4
