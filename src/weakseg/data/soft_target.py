"""A soft hidden segmentation of a whole image, in 8 bits: how likely each class is in each cell of a grid.

In a file the classes that occur lie below each other as grey tiles, white where a class is certain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from weakseg.types import UNLABELED

SURE = 255
"""The level of what is certain."""


@dataclass(frozen=True)
class SoftTarget:
    """A distribution over classes in each cell of an image, in levels from 0 to 255."""

    classes: Int[np.ndarray, " K"]
    """Those that occur, in ascending order."""
    levels: UInt8[np.ndarray, "K h w"]
    """How likely each of them is, 255 in all; 0 for every class where nothing was found."""
    weight: UInt8[np.ndarray, "h w"]
    """How much a cell teaches; 255 is all, and 0 where nothing was found."""
    size: tuple[int, int]
    """Rows and columns of the image, in pixels; a cell is as many pixels as its grid divides it into."""

    @property
    def confidence(self) -> float:
        """Mean probability of the best class, over what teaches; nan where nothing does."""
        taught = self.weight.sum(dtype=np.float64)
        return float((self.levels.max(0) / SURE * self.weight).sum() / taught) if taught else float("nan")


def quantised(
    target: Float[np.ndarray, "C h w"], weight: Float[np.ndarray, "h w"], size: tuple[int, int]
) -> SoftTarget:
    """A solver's target and weight to less than one level each; the levels of a cell sum to 255.

    What rounding down leaves goes to the largest remainders: with each class rounded by itself, hundreds of unlikely
    ones would be lost or counted double, and together they may be half of a cell.
    """
    scaled = target / np.maximum(target.sum(0), 1e-12) * SURE
    levels = np.floor(scaled)
    missing = SURE - levels.sum(0)
    order = np.argsort(levels - scaled, axis=0, kind="stable")
    more = np.zeros_like(levels)
    np.put_along_axis(more, order, (np.arange(len(target))[:, None, None] < missing).astype(more.dtype), axis=0)
    taught = np.round(weight * SURE).astype(np.uint8)
    whole = np.where(taught > 0, levels + more, 0).astype(np.uint8)
    occurring = np.flatnonzero(whole.max((1, 2)))
    kept = occurring if len(occurring) else np.array([0])  # a file has a tile at least
    return SoftTarget(kept, whole[kept], taught, size)


def soft_seen(
    soft: SoftTarget, window: Float[np.ndarray, "2 3"], size: tuple[int, int], classes: int
) -> Float[np.ndarray, "C H W"]:
    """What a window of the given (height, width) shows: at each pixel how likely each class is, times how much it
    teaches; 0 outside the image and where nothing was found.

    Distributions are bilinear between the centres of cells in which something was found; a pixel teaches as much as
    the cell that it lies in.
    """
    shown = np.zeros((classes, *size), np.float32)
    shown[soft.classes] = _shown(soft, window, size)
    return shown


def soft_labels(soft: SoftTarget) -> Int[np.ndarray, "H W"]:
    """The most likely class at each pixel of the image, the first of several; `UNLABELED` where nothing teaches."""
    shown = _shown(soft, np.eye(2, 3), soft.size)
    return np.where(shown.any(0), soft.classes[shown.argmax(0)], UNLABELED).astype(np.int64)


def _shown(soft: SoftTarget, window: Float[np.ndarray, "2 3"], size: tuple[int, int]) -> Float[np.ndarray, "K H W"]:
    cells, shares, nearest, inside = soft.weight.shape, soft.levels.astype(np.float32), [], []
    for axis in (0, 1):
        at = window[axis, axis] * np.arange(size[axis]) + window[axis, 2]
        inside.append((at >= -0.5) & (at < soft.size[axis] - 0.5))
        # Edges of pixels and cells coincide, not their outer centres.
        at = ((at + 0.5) * (cells[axis] / soft.size[axis]) - 0.5).clip(0, cells[axis] - 1)
        nearest.append(np.floor(at + 0.5).astype(int))
        first = np.floor(at).astype(int)
        second, share = np.minimum(first + 1, cells[axis] - 1), (at - first).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        shares = shares.take(first, 1 + axis) * (1 - share) + shares.take(second, 1 + axis) * share
    weight = soft.weight[nearest[0][:, None], nearest[1]] / np.float32(SURE)
    weight = np.where(inside[0][:, None] & inside[1], weight, 0)
    return shares * (weight / np.maximum(shares.sum(0), 1e-6))


def to_tiles(soft: SoftTarget) -> tuple[Int[np.ndarray, "R w"], dict[str, Any]]:
    """The image that a file holds of it, and what has to be known to read it."""
    partial = bool(((soft.weight > 0) & (soft.weight < SURE)).any())
    tiles = [*soft.levels, *([soft.weight] if partial else [])]
    known = {"classes": soft.classes.tolist(), "size": list(soft.size), "weight_below": partial}
    return np.concatenate(tiles).astype(np.int32), known


def from_tiles(values: Shaped[np.ndarray, "R w"], known: dict[str, Any]) -> SoftTarget:
    """The same, read.

    Raises:
        KeyError, TypeError, ValueError: image and description are no soft target.
    """
    classes, size = np.array(known["classes"], np.int64), known["size"]
    tiles = len(classes) + bool(known["weight_below"])
    if classes.ndim != 1 or not len(classes) or (np.diff(classes, prepend=-1) < 1).any() or len(values) % tiles:
        raise ValueError(f"{len(values)} rows for classes {classes.tolist()}")
    height, width = size
    stacked = values.astype(np.uint8).reshape(tiles, -1, values.shape[1])
    levels = stacked[: len(classes)]
    weight = stacked[-1] if known["weight_below"] else np.where(levels.any(0), SURE, 0).astype(np.uint8)
    return SoftTarget(classes, levels, weight, (int(height), int(width)))
