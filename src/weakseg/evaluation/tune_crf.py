"""Search for a CRF's best strengths and bandwidths.

The search takes images with masks and a trained network's predictions for them.
"""

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
"""The number of settings that a search tries."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """An image with its prediction and its truth."""

    image: Float[np.ndarray, "M H W"]
    probs: Float[np.ndarray, "C H W"]
    """Probabilities in half precision, because a hundred images of many classes are in memory at once."""
    truth: Int[np.ndarray, "H W"]


@dataclass(frozen=True)
class Tuned:
    """The best setting of a search, and three mean IoUs.

    They are those without a CRF, with the setting at the start, and with the best setting.
    """

    crf: DenseCRF
    without: float
    before: float
    after: float


def tune(
    images: Sequence[Predicted],
    classes: Classes,
    start: DenseCRF = DenseCRF(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Search for the CRF with the highest mean IoU.

    One parameter after the other is halved and doubled, twice.

    Args:
        images: the images to tune on; not those whose scores are reported.
        classes: the classes of the truth.
        start: the setting at which the search starts.
        progress: called with the number of settings done, and of all settings.
    """
    best, done = start, 1
    # The second round meets many settings of the first again.
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


def _refined(image: Predicted, crf: DenseCRF) -> Float[np.ndarray, "C H W"]:
    return refined(image.probs.astype(np.float32), image.image, crf)


def mean_iou(probs: Iterable[Float[np.ndarray, "C _ _"]], images: Sequence[Predicted], classes: Classes) -> float:
    """The mean IoU of the most probable classes."""
    matrices = [confusion(image.truth, each.argmax(0), len(classes)) for each, image in zip(probs, images, strict=True)]
    keys = tuple(map(str, range(len(images))))
    return Scores(classes, keys, keys, np.stack(matrices)).mean_iou()
