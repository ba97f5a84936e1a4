"""Tags of random crops, computed from full masks.

They are more supervision than tags of images, and serve comparisons only.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from weakseg.data.augment import Augment
from weakseg.data.sample import Sample
from weakseg.data.view import seen
from weakseg.errors import DataInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED, Batch


@dataclass(frozen=True)
class CropTagsFromTruth:
    """Random views whose tags come from the true mask.

    This is extra supervision, not what annotators of tags provide. Each crop is an image of its own: it is tagged with
    exactly the classes in its part of the mask, all others are absent, and nothing is known of sizes. To tag every crop
    of every epoch is to know the mask, which is why results with it are not results of tags. Pathak, Krähenbühl and
    Darrell 2015, "tags of random crops".
    """

    augment: Augment = Augment()
    """The views of an image: their size, zoom, flips and lighting."""

    def __call__(self, sample: Sample, generator: np.random.Generator, remembered=None) -> Batch:
        """One random view of a sample.

        Raises:
            DataInvalid: the image has no mask.
        """
        if sample.truth is None:
            fix = "add its mask, or train on whole images with annotated tags"
            raise DataInvalid(f"'{sample.key}' has no mask to compute the tags of a crop from", fix=fix)
        batch = self.augment(sample, generator, remembered)
        size = (batch.weak.valid.shape[1], batch.weak.valid.shape[2])
        truth = seen(sample.truth, batch.weak.window[0].double().numpy(), size, outside=UNLABELED)
        shown = torch.from_numpy(np.bincount(truth.ravel() + 1, minlength=len(sample.tags) + 1)[1:] > 0)
        # The window is that of a whole image, so that no constraint is weakened: sizes are fractions of the crop.
        return replace(
            batch,
            weak=replace(
                batch.weak,
                tags=torch.where(shown, PRESENT, ABSENT)[None],
                areas=torch.tensor([0.0, 1.0]).expand(1, len(shown), 2),
                window=torch.eye(2, 3)[None],
                whole_valid=batch.weak.valid.flatten(1).sum(1),
            ),
        )
