"""Labels drawn on images, as arrays.

Images are (row, column, RGB) with values in 0 .. 255.
"""

from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from weakseg.classes import UNLABELED

_OPACITY = 0.55
_SHOWN_PERCENTILES = (0.5, 99.5)
_LINE_REACH_PX, _DOT_REACH_PX, _EDGE_PX = 1.5, 3.5, 1.2
_DOT_AREA_PX, _BROAD_PX, _PEN_PX = 12, 12, 2


def as_rgb(image: Float[np.ndarray, "M H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """An image as RGB for display.

    Three channels are taken for red, green and blue. Of any other number the first is shown in grey with its range
    stretched, because microscopes and scanners rarely use the full range.
    """
    if image.shape[0] != 3:
        low, high = np.percentile(image[0], _SHOWN_PERCENTILES)
        image = np.repeat((image[:1] - low) / max(high - low, 1e-6), 3, axis=0)
    return (image.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)


def resized(image: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """An image resized to (rows, columns)."""
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def resized_labels(labels: Int[np.ndarray, "H W"], size: tuple[int, int]) -> Int[np.ndarray, "h w"]:
    """Labels resized to (rows, columns).

    A label of a single pixel survives any reduction.
    """
    scale = np.array(size) / labels.shape
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, labels.shape, strict=True))
    small = labels[np.ix_(rows, columns)]
    if (scale < 1).any():
        marks = np.argwhere(labels != UNLABELED)
        row, column = (marks * scale).astype(int).T
        lost = small[row, column] == UNLABELED
        small[row[lost], column[lost]] = labels[tuple(marks[lost].T)]
    return small


def tinted(
    image: UInt8[np.ndarray, "H W 3"], labels: Int[np.ndarray, "H W"], colors: UInt8[np.ndarray, "C 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """A grey image under the colours of its labels.

    Pixels that are `UNLABELED` stay grey.
    """
    base = _greyed(image)
    blend = (1 - _OPACITY) * base + _OPACITY * colors[labels]
    return np.where((labels != UNLABELED)[..., None], blend, base).round().astype(np.uint8)


def marked(
    image: UInt8[np.ndarray, "H W 3"], seeds: Int[np.ndarray, "H W"], colors: UInt8[np.ndarray, "C 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """An image with scribbles and clicks drawn over it.

    They are thickened to be visible in a small image and edged in white; broad areas are tinted.
    """
    from scipy import ndimage

    drawn = tinted(image, seeds, colors)
    distance, nearest = cast(tuple, ndimage.distance_transform_edt(seeds == UNLABELED, return_indices=True))
    reach = _reach(seeds)[tuple(nearest)]
    edge = (distance > reach) & (distance <= reach + _EDGE_PX) & (reach > 0)
    drawn[edge & (seeds == UNLABELED)] = 255
    ink = (distance <= reach) & (reach > 0)
    drawn[ink] = colors[seeds[tuple(nearest)][ink]]
    return drawn


def boxed(
    image: UInt8[np.ndarray, "H W 3"], boxes: Float[np.ndarray, "N 5"], colors: UInt8[np.ndarray, "C 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """An image with the outlines of boxes, edged in white.

    Boxes are (class, top, left, bottom, right) in pixels of the image.
    """
    drawn = image.copy()
    for grow, pen, plain in ((1, _PEN_PX + 2, True), (0, _PEN_PX, False)):
        for label, top, left, bottom, right in boxes.round().astype(int):
            ring = np.zeros(image.shape[:2], bool)
            ring[max(top - grow, 0) : bottom + grow, max(left - grow, 0) : right + grow] = True
            ring[max(top - grow + pen, 0) : bottom + grow - pen, max(left - grow + pen, 0) : right + grow - pen] = False
            drawn[ring] = 255 if plain else colors[label]
    return drawn


def hatched(image: UInt8[np.ndarray, "H W 3"], where: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """An image with diagonal stripes over void pixels."""
    rows, columns = np.indices(where.shape)
    stripe = (rows + columns) % 8 < 2
    drawn = image.astype(float)
    drawn[where] *= 0.8
    drawn[where & stripe] = 0.4 * drawn[where & stripe] + 0.6 * 225
    return drawn.round().astype(np.uint8)


def _greyed(image: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    """Brightness with a trace of colour.

    Strong hues are left to the labels.
    """
    grey = image @ np.array([0.299, 0.587, 0.114])
    return 0.85 * grey[..., None] + 0.15 * image


def _reach(seeds: Int[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """Distance by which each label is thickened.

    Dots are thickened most, lines a little, and filled areas, which are wider than any pen, not at all.
    """
    from scipy import ndimage

    seen = seeds != UNLABELED
    parts, count = cast(tuple, ndimage.label(seen, np.ones((3, 3))))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    core = ndimage.binary_erosion(seen, iterations=_BROAD_PX // 2, border_value=1)
    broad = seen & ndimage.binary_dilation(core, iterations=_BROAD_PX)
    return np.select([~seen | broad, sizes[parts] <= _DOT_AREA_PX], [0.0, _DOT_REACH_PX], _LINE_REACH_PX)
