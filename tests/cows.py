"""Square images with known numbers of cow and sheep pixels, for tests of sizes."""

import numpy as np

from weakseg.constraint_choice.accuracy import truly_labelled
from weakseg.data.relabel import fully_labelled
from weakseg.types import UNLABELED, Classes

CLASSES = Classes(("background", "cow", "sheep"), background=0)


def image(cows: int, sheep: int = 0, void: int = 0, size: int = 10):
    """A square mask of so many pixels of each class, the first of them of sheep, the last ones void."""
    truth = np.zeros(size * size, int)
    truth[:sheep], truth[sheep : sheep + cows] = 2, 1
    if void:
        truth[-void:] = UNLABELED
    truth = truth.reshape(size, size)
    sample = fully_labelled(f"{cows} cows", np.zeros((1, size, size), np.float32), truth, len(CLASSES))
    return truly_labelled(sample, CLASSES)
