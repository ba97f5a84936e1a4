"""Evaluation of a predictor on a data set.

One protocol gives every score: native resolution, single scale, no flip.
"""

from collections.abc import Callable

import numpy as np

from weakseg.data.sample import Dataset
from weakseg.errors import DataInvalid
from weakseg.evaluation.predictor import Predictor, require_channels
from weakseg.evaluation.scores import Scores, confusion, trimap
from weakseg.types import UNLABELED


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    trimap_widths: tuple[int, ...] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scores:
    """Predict every image of a dataset and score the result.

    Args:
        predictor: the network to evaluate.
        dataset: images with their truth.
        trimap_widths: widths, in pixels, of bands around true boundaries to evaluate as well.
        progress: called with the number of images done, and of all images.

    Raises:
        DataInvalid: images have no truth (the message names all of them), or one has a wrong number of channels.
    """
    count, volumes, untrue = len(predictor.classes), [], []
    matrices = np.zeros((len(dataset), count, count), np.int64)
    bands = {width: np.zeros_like(matrices) for width in trimap_widths}
    for index in range(len(dataset)):
        sample = dataset[index]
        volumes.append(sample.volume or sample.key)
        if sample.truth is None:
            untrue.append(sample.key)
        # After the first image without a mask nothing is predicted any more: the rest is only looked at, so that the
        # message names all such images.
        elif not untrue:
            require_channels(sample.image, predictor.channels, f"image '{sample.key}'")
            predicted = predictor.labels(sample.image)
            matrices[index] = confusion(sample.truth, predicted, count)
            for width, found in bands.items():
                # The band limits which pixels count, not what is predicted.
                near = np.where(trimap(sample.truth, width), sample.truth, UNLABELED)
                found[index] = confusion(near, predicted, count)
        progress(index + 1, len(dataset))
    if untrue:
        raise DataInvalid(
            f"{len(untrue)} of {len(dataset)} images have no mask to evaluate with: {', '.join(untrue)}",
            expected="a mask for every image of the split",
            fix="add the masks, or remove these images from the split",
        )
    return Scores(predictor.classes, tuple(dataset.keys), tuple(volumes), matrices, bands)
