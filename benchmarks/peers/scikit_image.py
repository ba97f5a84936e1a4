"""scikit-image's random walker on the pictures of single_image.py, with its own and with a chosen beta."""

from collections.abc import Iterator

import numpy as np
from skimage.segmentation import random_walker

from benchmarks.single_image import UNDRAWN, rows

DEFAULT, CHOSEN = 130.0, 1000.0
"""Of beta; the second was chosen on the same pictures as our weights."""


def walked(image: np.ndarray, scribbles: np.ndarray, beta: float) -> np.ndarray:
    """Labels of scikit-image, which wants 0 where nobody drew, and channels last."""
    seeds = np.where(scribbles == UNDRAWN, 0, scribbles + 1)
    return random_walker(image.transpose(1, 2, 0), seeds, beta=beta, channel_axis=-1) - 1


def measure() -> Iterator[tuple[str, float, str]]:
    """Both settings, once each."""
    yield from rows("peer.scikit_image.default", lambda *given: walked(*given, DEFAULT))
    yield from rows("peer.scikit_image.chosen", lambda *given: walked(*given, CHOSEN))
