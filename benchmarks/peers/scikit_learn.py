"""scikit-learn's confusion matrix beside ours, on one large image."""

import time
from collections.abc import Iterator
from statistics import median

import numpy as np
from sklearn.metrics import confusion_matrix

from weakseg.evaluation.scores import confusion

CLASSES = 21


def measure() -> Iterator[tuple[str, float, str]]:
    """The median of five, taken in turns; both must count the same."""
    truth, predicted = np.random.default_rng(0).integers(0, CLASSES, (2, 512, 512))
    ours = lambda: confusion(truth, predicted, CLASSES)  # noqa: E731
    theirs = lambda: confusion_matrix(truth.ravel(), predicted.ravel(), labels=range(CLASSES))  # noqa: E731
    assert (ours() == theirs()).all()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(5)]
    mine, other = (median(column) for column in zip(*pairs, strict=True))
    yield "evaluate.confusion_ms", 1000 * mine, "ms, 512 x 512, 21 classes"
    yield "peer.scikit_learn.confusion_ms", 1000 * other, "ms, the same"


def _seconds(count) -> float:
    started = time.perf_counter()
    count()
    return time.perf_counter() - started
