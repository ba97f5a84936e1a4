"""The band around true boundaries, where most mistakes of weak supervision are."""

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage

from weakseg.types import UNLABELED

WIDTHS_PX = (1, 2, 4, 8, 16, 32)
"""Widths of the bands that runs are judged in."""


def trimap(truth: Int[np.ndarray, "H W"], width_px: int) -> Bool[np.ndarray, "H W"]:
    """True where a pixel of another class lies within `width_px` pixels (Chebyshev distance).

    Width 1 marks the pixels that touch a boundary. Void (`UNLABELED`) is never in the band and is not another class,
    but classes see each other across it: annotators draw void *on* boundaries.
    """
    window = 2 * width_px + 1
    void = truth == UNLABELED
    # Void must win neither: -1 is below every class, and for the minimum the highest class stands in its place.
    highest = ndimage.maximum_filter(truth, window, mode="nearest")
    lowest = ndimage.minimum_filter(np.where(void, truth.max(), truth), window, mode="nearest")
    return (highest != lowest) & ~void
