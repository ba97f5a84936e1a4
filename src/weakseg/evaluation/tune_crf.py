"""Which strengths and bandwidths of a CRF serve a trained network best, on images with masks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from weakseg.energies.dense_crf import DenseCRF
from weakseg.evaluation.scores import Scores, confusion
from weakseg.mean_field.parallel_crf import refined
from weakseg.types import Classes

_TUNED = ("compat", "sxy", "srgb", "smooth_compat")
_FACTORS = (0.5, 2.0)
TRIALS = 1 + 2 * len(_TUNED) * len(_FACTORS)
"""How many settings a search tries."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """An image with what the network says of it, and its truth."""

    image: Float[np.ndarray, "M H W"]
    probs: Float[np.ndarray, "C H W"]
    """In half precision, as a hundred images of many classes are kept at once."""
    truth: Int[np.ndarray, "H W"]


@dataclass(frozen=True)
class Tuned:
    """The best setting of a search, and mean IoU without a CRF, with the setting it began from, and with the best."""

    crf: DenseCRF
    without: float
    before: float
    after: float


def tune(
    images: Sequence[Predicted],
    classes: Classes,
    start: DenseCRF = DenseCRF(),  # noqa: B008 (immutable)
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Search one parameter after the other, twice: half or double, whichever raises mean IoU.

    Args:
        images: those to tune on; not those that are reported.
        classes: of the truth.
        start: where the search begins.
        progress: told how many settings are done, and of how many.
    """
    best, done = start, 1
    # The second round comes by many settings of the first.
    score_of = cache(lambda crf: mean_iou((_refined(p, crf) for p in images), images, classes))
    before = score = score_of(best)
    progress(done, TRIALS)
    for parameter in 2 * _TUNED:
        from_here = getattr(best, parameter)
        for factor in _FACTORS:
            tried = replace(best, **{parameter: from_here * factor})
            found = score_of(tried)
            if found > score:
                best, score = tried, found
            done += 1
            progress(done, TRIALS)
    return Tuned(best, mean_iou((p.probs for p in images), images, classes), before, score)


def _refined(picture: Predicted, crf: DenseCRF) -> Float[np.ndarray, "C H W"]:
    return refined(picture.probs.astype(np.float32), picture.image, crf)


def mean_iou(probs: Iterable[Float[np.ndarray, "C _ _"]], images: Sequence[Predicted], classes: Classes) -> float:
    """Of the most probable classes."""
    matrices = [
        confusion(picture.truth, shares.argmax(0), len(classes)) for shares, picture in zip(probs, images, strict=True)
    ]
    keys = tuple(map(str, range(len(images))))
    return Scores(classes, keys, keys, np.stack(matrices)).mean_iou()
