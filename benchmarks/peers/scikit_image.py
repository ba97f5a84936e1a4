"""scikit-image's random walker on the images of single_image.py, with its own beta and with one chosen like ours."""

from collections.abc import Iterator
from statistics import mean

import numpy as np
from skimage.segmentation import random_walker

from benchmarks.single_image import UNDRAWN, dice, icgbench, rows

BETAS = (130.0, 1000.0, 10000.0)
"""How sharply it stops at edges; the first is its default."""


def walked(image: np.ndarray, scribbles: np.ndarray, beta: float) -> np.ndarray:
    """Labels of scikit-image, which wants 0 where nobody drew, and channels last."""
    seeds = np.where(scribbles == UNDRAWN, 0, scribbles + 1)
    return random_walker(image.transpose(1, 2, 0), seeds, beta=beta, channel_axis=-1) - 1


def on_choosing_images(beta: float) -> float:
    """Mean Dice on the images that our weights were chosen on."""
    return mean(dice(case, walked(case.image, case.scribbles, beta)) for case in icgbench(choosing=True))


def measure() -> Iterator[tuple[str, float, str]]:
    """Both settings, once each."""
    chosen = max(BETAS, key=on_choosing_images)
    yield "peer.scikit_image.beta", chosen, f"of {', '.join(map(str, BETAS))}, on the images for choosing"
    yield from rows("peer.scikit_image.default", lambda *given: walked(*given, BETAS[0]))
    yield from rows("peer.scikit_image.chosen", lambda *given: walked(*given, chosen))
