"""Semi-supervised data: a few full masks among weak labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weakseg.data.relabel import relabelled
from weakseg.data.sample import Dataset, Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.types import UNLABELED, Classes


@dataclass(frozen=True)
class SomeMasks:
    """A few masks per class, and weak labels for the rest.

    An image counts for the rarest class in it, as in the constrained CNN's experiments; a class with fewer images
    contributes all of them. A larger number includes the images of a smaller one. `Fit` weighs all images alike: one
    with a mask by its seeds alone, another by its hidden segmentation.

    Raises:
        RecipeInvalid: a negative number of masks or seed.
        DataInvalid: an image has no mask to choose by (on access).
    """

    samples: Dataset
    """Images with masks and with weak labels of their own."""
    per_class: int
    """Number of images per class whose mask is a training label, 0 or more."""
    seed: int = 0
    """Random seed of the choice of images, 0 or more."""

    def __post_init__(self):
        if self.per_class < 0 or self.seed < 0:
            raise RecipeInvalid(f"{self.per_class} masks per class, seed {self.seed}", expected="0 or more")

    @property
    def classes(self) -> Classes:
        """The classes of the samples."""
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the samples."""
        return self.samples.keys

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        if index not in self.shown:
            return sample
        return relabelled(sample, len(self.classes), seeds=sample.truth)

    @cached_property
    def shown(self) -> frozenset[int]:
        """Indices of the images whose mask is a training label."""
        held = np.array([self._holds(index) for index in range(len(self))])
        images_of = held.sum(0)
        # Counted once, for the rarest class, or common classes would have many times their number.
        rarest = np.where(held, images_of, len(self) + 1).argmin(1)
        # One order for all numbers of masks: a larger number includes the images of a smaller one.
        order = np.random.default_rng(self.seed).permutation(len(self))
        mine = [order[rarest[order] == label][: self.per_class] for label in range(len(self.classes))]
        return frozenset(np.concatenate(mine).tolist())

    def _holds(self, index: int) -> list[bool]:
        sample = self.samples[index]
        if sample.truth is None:
            raise DataInvalid(f"'{sample.key}' has no mask", fix="add its mask, or leave the image out")
        counts = np.bincount(sample.truth[sample.truth != UNLABELED], minlength=len(self.classes))
        return (counts > 0).tolist()
