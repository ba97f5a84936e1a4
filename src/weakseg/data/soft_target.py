"""Soft targets of whole images, in 8 bits.

A target is the probability of each class in each cell of a grid. In a file the classes that occur are stacked as grey
tiles, white where a class is certain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from weakseg.types import UNLABELED

SURE = 255
"""The level of a certain class."""


@dataclass(frozen=True)
class SoftTarget:
    """A distribution over classes in each cell of an image.

    Probabilities are levels from 0 to 255.
    """

    classes: Int[np.ndarray, " K"]
    """Indices of the classes that occur, in ascending order."""
    levels: UInt8[np.ndarray, "K h w"]
    """Probability of each of them, in levels that sum to 255; 0 for every class where there is no target."""
    weight: UInt8[np.ndarray, "h w"]
    """Loss weight of each cell, up to 255; 0 where there is no target."""
    size: tuple[int, int]
    """Rows and columns of the image in pixels, which the grid divides evenly."""

    @property
    def confidence(self) -> float:
        """Mean probability of the most likely class.

        It is weighted like the loss; nan if nothing has a weight.
        """
        taught = self.weight.sum(dtype=np.float64)
        return float((self.levels.max(0) / SURE * self.weight).sum() / taught) if taught else float("nan")


def quantised(
    target: Float[np.ndarray, "C h w"], weight: Float[np.ndarray, "h w"], size: tuple[int, int]
) -> SoftTarget:
    """A target and its weight, quantised to 8 bits.

    Levels are accurate to less than one and sum to 255 in each cell. What rounding down leaves goes to the largest
    remainders: if each class were rounded by itself, hundreds of unlikely ones would be lost or counted double, and
    together they may be half of a cell.
    """
    scaled = target / np.maximum(target.sum(0), 1e-12) * SURE
    levels = np.floor(scaled)
    missing = SURE - levels.sum(0)
    # The largest remainders first; ties by class, so that a target is the same on every machine.
    order = np.argsort(levels - scaled, axis=0, kind="stable")
    more = np.zeros_like(levels)
    np.put_along_axis(more, order, (np.arange(len(target))[:, None, None] < missing).astype(more.dtype), axis=0)
    levels_of_weight = np.round(weight * SURE).astype(np.uint8)
    whole = np.where(levels_of_weight > 0, levels + more, 0).astype(np.uint8)
    occurring = np.flatnonzero(whole.max((1, 2)))
    kept = occurring if len(occurring) else np.array([0])  # a file needs at least one tile
    return SoftTarget(kept, whole[kept], levels_of_weight, size)


def soft_seen(
    soft: SoftTarget, window: Float[np.ndarray, "2 3"], size: tuple[int, int], classes: int
) -> Float[np.ndarray, "C H W"]:
    """The weighted probabilities that a window shows.

    Each pixel of the window, of the given (height, width), has the probability of each class times the pixel's weight;
    0 outside the image and where there is no target. Distributions are bilinear between the centres of cells with a
    target; a pixel has the weight of the cell that contains it.
    """
    shown = np.zeros((classes, *size), np.float32)
    shown[soft.classes] = _shown(soft, window, size)
    return shown


def soft_labels(soft: SoftTarget) -> Int[np.ndarray, "H W"]:
    """The most likely class of each pixel of the image.

    The first of several; `UNLABELED` where the weight is 0.
    """
    shown = _shown(soft, np.eye(2, 3), soft.size)
    return np.where(shown.any(0), soft.classes[shown.argmax(0)], UNLABELED).astype(np.int64)


def _shown(soft: SoftTarget, window: Float[np.ndarray, "2 3"], size: tuple[int, int]) -> Float[np.ndarray, "K H W"]:
    cells, shares, nearest, inside = soft.weight.shape, soft.levels.astype(np.float32), [], []
    for axis in (0, 1):
        at = window[axis, axis] * np.arange(size[axis]) + window[axis, 2]
        inside.append((at >= -0.5) & (at < soft.size[axis] - 0.5))
        # The edges of pixels and cells coincide, not their outer centres.
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
    """The image that stores a target, and its description."""
    partial = bool(((soft.weight > 0) & (soft.weight < SURE)).any())
    tiles = [*soft.levels, *([soft.weight] if partial else [])]
    known = {"classes": soft.classes.tolist(), "size": list(soft.size), "weight_below": partial}
    return np.concatenate(tiles).astype(np.int32), known


def from_tiles(values: Shaped[np.ndarray, "R w"], known: dict[str, Any]) -> SoftTarget:
    """The target that an image and its description store.

    Raises:
        KeyError, TypeError, ValueError: image and description are not a soft target.
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
