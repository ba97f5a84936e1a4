"""One image and everything annotators said about it, before any augmentation; and what a data set is."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.data.images.value_range import Held
from weakseg.short_repr import brief
from weakseg.types import Classes


@dataclass(frozen=True)
class Stroke:
    """A scribble or click as it was drawn: an open curve, kept as points so that zooming never blurs it."""

    label: int
    points: Float[np.ndarray, "N 2"]
    """(row, column) of each vertex in the whole image's pixels; one point is a click."""
    width_px: float
    """Width of the pen in pixels of the view that is trained on."""

    __repr__ = brief


@dataclass(frozen=True)
class Sample:
    """One image with its labels, as they lie on disk."""

    key: str
    image: Float[np.ndarray, "M H W"]
    """Values in [0, 1]."""
    seeds: Int[np.ndarray, "H W"]
    """Class index where the label file says one, `UNLABELED` elsewhere."""
    valid: Bool[np.ndarray, "H W"]
    """False on void pixels."""
    strokes: tuple[Stroke, ...]
    """Curves and clicks, drawn over `seeds` after augmentation."""
    tags: Int[np.ndarray, " C"]
    """`PRESENT`, `ABSENT` or `UNTOLD`."""
    areas: Float[np.ndarray, "C 2"]
    """Smallest and largest share of the valid pixels; (0, 1) where nobody said."""
    boxes: Float[np.ndarray, "N 5"]
    """(class, top, left, bottom, right) rows, half open, in pixels."""
    truth: Int[np.ndarray, "H W"] | None
    """The full mask, `UNLABELED` on void; `None` where there is none. Only `CropTagsFromTruth` trains on it."""
    volume: str = ""
    """Which volume (a patient's scan) this slice belongs to; the key itself for single images."""
    held: Held | None = None
    """The extremes of the numbers in the image's file; `None` of eight bits, and of images that were never in one."""

    __repr__ = brief


@runtime_checkable
class Dataset(Protocol):
    """A sequence of samples that share their classes; the same index gives the same sample every time."""

    @property
    def classes(self) -> Classes:
        """The classes, in the order of the network's outputs."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The name of each sample, in order, without reading any image."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
