"""The pixels inside a shape.

A pixel belongs to a polygon, box or ellipse if its centre lies inside; a centre on the border belongs to it on the left
and top sides alone, so that shapes that share a border share no pixel.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from weakseg.errors import DataInvalid
from weakseg.marks.shapes import Box, Ellipse, Mask, Polygon, rotated

_CROSSINGS = 2**20
"""Crossings of edges and rows that are held at a time."""


@dataclass(frozen=True, eq=False)
class Patch:
    """The pixels of a shape within an image."""

    top: int
    left: int
    inside: Bool[np.ndarray, "h w"]
    """Whether each pixel from (top, left) on is inside; it may be empty."""

    def on(self, canvas: np.ndarray) -> np.ndarray:
        """The part of a canvas of the image's size that the patch covers, as a view."""
        height, width = self.inside.shape
        return canvas[self.top : self.top + height, self.left : self.left + width]


def pixels_of(shape: Polygon | Box | Ellipse | Mask, size: tuple[int, int]) -> Patch:
    """The pixels inside a shape.

    Args:
        shape: an area.
        size: (height, width) of the image; what lies outside is dropped.

    Raises:
        DataInvalid: the code of a mask is damaged, or the mask is larger than the image.
    """
    if isinstance(shape, Polygon):
        return _polygon(shape, size)
    if isinstance(shape, Ellipse):
        return _ellipse(shape, size)
    if isinstance(shape, Mask):
        return _mask(shape, size)
    return _polygon(Polygon(((shape.corners(),),)), size)


def _polygon(shape: Polygon, size: tuple[int, int]) -> Patch:
    (top, left), (bottom, right) = _within(np.concatenate([ring for part in shape.parts for ring in part]), size)
    inside = np.zeros((bottom - top, right - left), bool)
    for part in shape.parts:
        inside |= _odd(part, np.array([top, left]), inside.shape)
    return Patch(top, left, inside)


def _odd(
    rings: tuple[Float[np.ndarray, "_ 2"], ...], corner: np.ndarray, shape: tuple[int, int]
) -> Bool[np.ndarray, "h w"]:
    """The pixels that an odd number of rings surround.

    Every edge of a ring flips all pixels to its right, in the rows whose centre it crosses.
    """
    height, width = shape
    starts = np.concatenate(rings) - corner
    stops = np.concatenate([np.roll(ring, -1, 0) for ring in rings]) - corner
    # Of each edge, the rows whose centre lies from its upper end on and before its lower one.
    low, high = np.minimum(starts[:, 0], stops[:, 0]), np.maximum(starts[:, 0], stops[:, 0])
    first = np.ceil(low - 0.5).clip(0, height).astype(int)
    count = (np.ceil(high - 0.5).clip(0, height).astype(int) - first).clip(0)
    flips = np.zeros((height, width + 1), np.uint8)
    # A few edges at a time: a curve of a million vertices may cross every row with each of its edges.
    parts = np.searchsorted(np.cumsum(count), np.arange(_CROSSINGS, count.sum(), _CROSSINGS))
    for some in np.split(np.arange(len(starts)), parts):
        edge = np.repeat(some, count[some])
        rows = np.arange(len(edge)) - np.repeat(np.cumsum(count[some]) - count[some], count[some]) + first[edge]
        (row, column), (down, across) = starts[edge].T, (stops - starts)[edge].T
        crossing = column + (rows + 0.5 - row) / down * across
        np.bitwise_xor.at(flips, (rows, np.ceil(crossing - 0.5).clip(0, width).astype(int)), 1)
    return np.bitwise_xor.accumulate(flips, axis=1)[:, :width].astype(bool)


def _ellipse(shape: Ellipse, size: tuple[int, int]) -> Patch:
    centre = np.array([shape.row, shape.column], float)
    radii = np.array([shape.radius_rows, shape.radius_columns], float)
    # The half sides of the box around a turned ellipse.
    reach = np.sqrt((rotated(np.diag(radii), shape.degrees) ** 2).sum(0))
    (top, left), (bottom, right) = _within(np.stack([centre - reach, centre + reach]), size)
    rows, columns = np.mgrid[top:bottom, left:right] + 0.5 - centre[:, None, None]
    angle = np.deg2rad(shape.degrees)
    own_rows = rows * np.cos(angle) - columns * np.sin(angle)
    own_columns = rows * np.sin(angle) + columns * np.cos(angle)
    return Patch(top, left, (own_rows / radii[0]) ** 2 + (own_columns / radii[1]) ** 2 < 1)


def _mask(shape: Mask, size: tuple[int, int]) -> Patch:
    # One row or column more is what some programs write at the border.
    if shape.height > size[0] + 1 or shape.width > size[1] + 1:
        found = f"a mask {shape.width} wide and {shape.height} high"
        raise DataInvalid(found, expected=f"at most the image's {size[1]} by {size[0]}")
    inside = shape.code.pixels(shape.height, shape.width)
    top, left = min(max(shape.top, 0), size[0]), min(max(shape.left, 0), size[1])
    bottom, right = max(size[0] - shape.top, 0), max(size[1] - shape.left, 0)
    return Patch(top, left, inside[max(-shape.top, 0) : bottom, max(-shape.left, 0) : right])


def _within(points: Float[np.ndarray, "N 2"], size: tuple[int, int]) -> tuple[list[int], list[int]]:
    """First corner and end of the pixels around points, inside the image."""
    limit = np.array(size)
    first = np.floor(points.min(0)).clip(0, limit).astype(int)
    end = np.ceil(points.max(0)).clip(first, limit).astype(int)
    return first.tolist(), end.tolist()
