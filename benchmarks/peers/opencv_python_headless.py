"""OpenCV's GrabCut on the photos of single_image.py, given the same scribbles."""

from collections.abc import Iterator
from statistics import mean

import cv2
import numpy as np

from benchmarks.single_image import error, grabcut

ROUNDS = 5
"""As in OpenCV's own tutorial."""


def grab(image: np.ndarray, scribbles: np.ndarray) -> np.ndarray:
    """Labels of OpenCV; what nobody drew begins as probable background, as in its tutorial."""
    picture = np.ascontiguousarray((image * 255).round().astype(np.uint8).transpose(1, 2, 0)[..., ::-1])
    mask = np.full(scribbles.shape, cv2.GC_PR_BGD, np.uint8)
    mask[scribbles == 0], mask[scribbles == 1] = cv2.GC_BGD, cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.int32)


def measure() -> Iterator[tuple[str, float, str]]:
    """Two regions are all that GrabCut knows."""
    for annotator in (1, 2):
        wrong = [error(case, grab(case.image, case.scribbles)) for case in grabcut(annotator)]
        yield f"peer.opencv.grabcut_error_{annotator}", 100 * mean(wrong), f"%, annotator {annotator}"
