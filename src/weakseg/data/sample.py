"""Samples, each an image with its labels, and data sets."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.arrays.short_repr import brief
from weakseg.classes import Classes
from weakseg.data.images.value_range import Held


@dataclass(frozen=True)
class Stroke:
    """A scribble or click, as an open curve.

    It is kept as points so that zooming does not blur it.
    """

    label: int
    points: Float[np.ndarray, "N 2"]
    """Vertices (row, column) in pixels of the whole image; a single point is a click."""
    width_px: float
    """Width of the pen in pixels of the view that is trained on."""

    __repr__ = brief


@dataclass(frozen=True)
class Sample:
    """One image with its labels, before any augmentation."""

    key: str
    image: Float[np.ndarray, "M H W"]
    """Values in [0, 1]."""
    seeds: Int[np.ndarray, "H W"]
    """Class index of each labelled pixel, `UNLABELED` elsewhere."""
    valid: Bool[np.ndarray, "H W"]
    """Mask of pixels that are not void."""
    strokes: tuple[Stroke, ...]
    """Curves and clicks, drawn over `seeds` after augmentation."""
    tags: Int[np.ndarray, " C"]
    """Tag of each class: `PRESENT`, `ABSENT` or `UNTOLD`."""
    areas: Float[np.ndarray, "C 2"]
    """Smallest and largest fraction of the valid pixels; (0, 1) if unknown."""
    boxes: Float[np.ndarray, "N 5"]
    """Boxes (class, top, left, bottom, right), half open, in pixels."""
    truth: Int[np.ndarray, "H W"] | None
    """The full mask, `UNLABELED` on void; `None` if there is none. Only `CropTagsFromTruth` trains on it."""
    volume: str = ""
    """Name of the volume (a patient's scan) that a slice belongs to; the key itself for single images."""
    held: Held | None = None
    """The extremes of the values in the image file; `None` for eight bits, and for images without a file."""

    __repr__ = brief


@runtime_checkable
class Dataset(Protocol):
    """A sequence of samples with the same classes.

    The same index gives the same sample every time.
    """

    @property
    def classes(self) -> Classes:
        """The classes, in the order of the network's outputs."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The name of each sample, without reading any image."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
