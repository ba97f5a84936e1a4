"""Images that are segmented in tiles, whatever computes the probabilities.

An image of more than a tile's pixels is cut into overlapping tiles whose probabilities are blended, so that memory does
not grow with the image beyond one band of tiles.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

DEEPEST_STRIDE = 32
"""A multiple of every usual stride: 2, 4, 8, 16."""
_STEP_SHARE = 0.75
"""The step from tile to tile, as a fraction of a tile; the rest is overlap, in which tiles are blended."""


@dataclass(frozen=True)
class Tiles:
    """How an image is cut."""

    side_px: int
    """The side of a tile in pixels; an image of up to its square is segmented whole."""
    multiple: int
    """The number that corners of tiles divide by, so that the cells of neighbouring tiles coincide."""
    classes: int
    """The number of classes."""

    def bands(
        self,
        image: Float[np.ndarray, "M H W"],
        probabilities: Callable[[Float[np.ndarray, "M h w"]], Float[np.ndarray, "C h w"]],
    ) -> Iterator[Float[np.ndarray, "C _ W"]]:
        """Rows of probabilities, from top to bottom.

        Args:
            image: the image.
            probabilities: the probabilities of each class in an image or a part of it.
        """
        if image[0].size <= self.side_px**2:
            yield probabilities(image)
            return
        height, width = image.shape[1:]
        rows, columns = (_spans(length, self.side_px, self.multiple) for length in (height, width))
        # Rows that the next band of tiles adds to. So memory is that of one band, however high the image is.
        unfinished = np.zeros((self.classes + 1, 0, width), np.float32)
        for (top, bottom), (following, _) in pairwise([*rows, (height, height)]):
            # The last plane sums the weights.
            band = np.zeros((self.classes + 1, bottom - top, width), np.float32)
            band[:, : unfinished.shape[1]] = unfinished
            for left, right in columns:
                weight = _hill(bottom - top)[:, None] * _hill(right - left)
                band[:-1, :, left:right] += weight * probabilities(image[:, top:bottom, left:right])
                band[-1, :, left:right] += weight
            finished, unfinished = np.split(band, [following - top], axis=1)
            # The weights of all tiles at a pixel add up to anything, and are divided out.
            yield finished[:-1] / finished[-1]


def _spans(length: int, tile_px: int, multiple: int) -> list[tuple[int, int]]:
    """Overlapping half-open ranges that cover a length.

    The last one may exceed a tile by less than `multiple`.
    """
    # Two cells at least, so that neighbouring tiles can overlap by whole ones.
    tile_px = max(tile_px // multiple, 2) * multiple
    if length <= tile_px:
        return [(0, length)]
    # Whole cells: at other places a network of stride 16 would see the same object in other cells, and tiles would
    # disagree.
    step = int(tile_px * _STEP_SHARE) // multiple * multiple
    last = (length - tile_px) // multiple * multiple
    return [(start, start + tile_px) for start in range(0, last, step)] + [(last, length)]


def _hill(length: int) -> Float[np.ndarray, " L"]:
    """Blending weights along one side of a tile.

    They are smooth and positive, and almost 0 at the ends, where a tile lacks context.
    """
    # At half a pixel from the end and not on it, so that no weight is 0 and nothing is divided by 0.
    return np.sin(np.pi * (np.arange(length, dtype=np.float32) + 0.5) / length) ** 2
