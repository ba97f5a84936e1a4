"""A dataset of arrays that are in memory already."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from weakseg.arrays.given import Given
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid, EvidenceInvalid
from weakseg.types import UNLABELED, Batch, Classes


class FromArrays:
    """Images and labels from numpy or torch as a dataset.

    No dataclass: a record would hold every array. Its text holds a digest of them, so that other arrays are another
    recipe.
    """

    def __init__(
        self,
        images: Given | Sequence[Given],
        classes: Classes,
        seeds: Given | Sequence[Given] | None = None,
        masks: Given | Sequence[Given] | None = None,
        tags: Given | None = None,
        keys: Sequence[str] | None = None,
        unlabeled: int = UNLABELED,
    ):
        """Check and keep the arrays.

        Args:
            images: each (M, H, W), values in [0, 1] or uint8; sizes may differ.
            classes: the classes, in the order of the labels.
            seeds: each (H, W), class index of labelled pixels, `unlabeled` elsewhere; the masks by default.
            masks: each (H, W), class index of every pixel, `unlabeled` on void; to validate with.
            tags: (images, classes), `PRESENT`, `ABSENT` or `UNTOLD`.
            keys: a name for each image; its number by default.
            unlabeled: the value that means no label; 255 in most files.

        Raises:
            DataInvalid: nothing is given, or other numbers of images and labels.
            EvidenceInvalid: arrays that cannot be meant, each by name and with what fixes it.
        """
        given = {"seeds": seeds, "masks": masks, "tags": tags, "keys": keys}
        wrong = [f"{len(part)} {name}" for name, part in given.items() if part is not None and len(part) != len(images)]
        if wrong or not len(images):
            raise DataInvalid(
                f"{len(images)} images" + "".join(f" and {each}" for each in wrong),
                expected="one image at least, and as many labels and keys as images",
            )
        self.classes = classes
        self.keys = tuple(map(str, range(len(images)))) if keys is None else tuple(keys)
        repeated = len({*self.keys}) < len(self.keys)
        if repeated or any(image.shape[0] != images[0].shape[0] for image in images if hasattr(image, "shape")):
            found = "two images have the same key" if repeated else "the images differ in their number of channels"
            raise DataInvalid(found, expected="a key of its own for each image, and channels first, as many in each")
        marks, strict = masks if seeds is None else seeds, {"n_classes": len(classes), "unlabeled": unlabeled}
        self._samples = tuple(
            _sample(
                self.keys[i],
                images[i],
                None if marks is None else marks[i],
                None if masks is None else masks[i],
                None if tags is None else tags[i],
                strict,
            )
            for i in range(len(images))
        )

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        return self._samples[index]

    def __repr__(self) -> str:
        # The `repr` is the record of a run, and arrays are too long for it: their digest says whether they are the
        # same.
        digest = hashlib.sha256(repr((self.classes, self.keys)).encode())
        for sample in self._samples:
            truth = () if sample.truth is None else (sample.truth,)
            for array in (sample.image, sample.seeds, sample.valid, sample.tags, *truth):
                digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
        return f"FromArrays({len(self)} images, digest {digest.hexdigest()[:16]})"


def _sample(key: str, image: Any, seeds: Any, mask: Any, tags: Any, strict: dict[str, Any]) -> Sample:
    """One image, checked as a batch of it would be."""
    one: Any = lambda array: None if array is None else array[None]  # noqa: E731
    try:
        truth = None if mask is None else Batch.of(one(image), seeds=one(mask), **strict).weak.seeds
        # Where a mask has no class, nothing may be judged.
        valid = None if truth is None else truth != UNLABELED
        batch = Batch.of(one(image), seeds=one(seeds), tags=one(tags), valid=valid, **strict)
    except EvidenceInvalid as error:
        raise error.at(key) from error
    weak = batch.weak
    return Sample(
        key=key,
        image=batch.image[0].cpu().float().numpy(),
        seeds=weak.seeds[0].cpu().numpy(),
        valid=weak.valid[0].cpu().numpy(),
        strokes=(),
        tags=weak.tags[0].cpu().numpy(),
        areas=weak.areas[0].cpu().double().numpy(),
        boxes=np.empty((0, 5)),
        truth=None if truth is None else truth[0].cpu().numpy(),
        volume=key,
    )
