"""Statistics of the labels of a set of images, by class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Bool, Int, Shaped

from weakseg.data.sample import Sample
from weakseg.data.stroke import draw_into
from weakseg.types import PRESENT, UNLABELED, Classes

BORDER = 0.05
"""Width of an image's border, as a fraction of its shorter side."""
_ANY_SIZE = np.array([0.0, 1.0])


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """Label counts of a set of images.

    Arrays have one number per class.
    """

    classes: Classes
    images: int
    unmarked: int
    """Number of images without a labelled pixel."""
    pixels: int
    valid_pixels: int
    """Number of pixels that are not void."""
    marked_pixels: Int[np.ndarray, " C"]
    inner_pixels: Int[np.ndarray, " C"]
    """Number of them outside the border of their image, which is 5 % of its shorter side wide."""
    marked_images: Int[np.ndarray, " C"]
    tagged_images: Int[np.ndarray, " C"]
    """Number of images tagged with the class."""
    sized_images: Int[np.ndarray, " C"]
    boxes: Int[np.ndarray, " C"]

    @property
    def labelled_share(self) -> float:
        """Fraction of the valid pixels that are labelled."""
        return int(self.marked_pixels.sum()) / max(self.valid_pixels, 1)

    @property
    def void_share(self) -> float:
        """Fraction of all pixels that are void."""
        return 1 - self.valid_pixels / max(self.pixels, 1)

    @property
    def imbalance(self) -> float:
        """Labelled pixels of the largest class over the smallest's.

        At least 1. Classes without labels are left out; nan if there are no labels.
        """
        marked = self.marked_pixels[self.marked_pixels > 0]
        return float(marked.max() / marked.min()) if len(marked) else float("nan")


@dataclass(frozen=True, eq=False)
class Statistics:
    """Label counts of a data set, by source and split."""

    classes: Classes
    counts: dict[str, dict[str, LabelCounts]]
    """Counts by source ("masks", "scribbles", "tables" for all csv files ...), then by split (or "all")."""


def count(sample: Sample, classes: Classes) -> LabelCounts:
    """The label counts of one image.

    Strokes are drawn at its own resolution.
    """
    seeds = sample.seeds.copy() if sample.strokes else sample.seeds
    for stroke in sample.strokes:
        draw_into(seeds, stroke.points, stroke.width_px, stroke.label)
    return replace(
        count_pixels(seeds, sample.valid, classes),
        tagged_images=_compact(sample.tags == PRESENT),
        sized_images=_compact((sample.areas != _ANY_SIZE).any(1)),
        boxes=_compact(np.bincount(sample.boxes[:, 0].astype(int), minlength=len(classes))),
    )


def count_pixels(seeds: Int[np.ndarray, "H W"], valid: Bool[np.ndarray, "H W"], classes: Classes) -> LabelCounts:
    """The label counts of one label map, without tables.

    Of small images thousands are counted, so that each call of numpy takes its time.
    """
    nothing = _nothing(len(classes))
    # No copy of the whole map is made, because images may be large.
    drawn = valid & (seeds != UNLABELED)
    pixels = inner = nothing
    if labelled := np.count_nonzero(drawn):
        pixels = np.bincount(seeds[drawn], minlength=len(classes))
        # Classes that are marked along the border alone are often a frame that a program drew, hence the second count.
        inner = np.bincount(_inner(seeds)[_inner(drawn)], minlength=len(classes))
    return LabelCounts(
        classes=classes,
        images=1,
        unmarked=int(not labelled),
        pixels=valid.size,
        valid_pixels=int(np.count_nonzero(valid)),
        marked_pixels=_compact(pixels),
        inner_pixels=_compact(inner),
        marked_images=_compact(pixels > 0),
        tagged_images=nothing,
        sized_images=nothing,
        boxes=nothing,
    )


@cache
def _nothing(classes: int) -> Int[np.ndarray, " C"]:
    """Zeros, which most counts of an image are; one array for all images."""
    zeros = np.zeros(classes, np.int8)
    zeros.setflags(write=False)
    return zeros


def _compact(counts: Shaped[np.ndarray, " C"]) -> Int[np.ndarray, " C"]:
    """Counts of one image in little memory: there are a hundred thousand of them, of hundreds of classes."""
    if not counts.any():
        return _nothing(len(counts))
    return counts.astype(np.int8 if counts.dtype == bool else np.int32 if counts.max() < 2**31 else np.int64)


def _inner(labels: Shaped[np.ndarray, "H W"]) -> Shaped[np.ndarray, "h w"]:
    """All but the border of a label map."""
    width = max(round(BORDER * min(labels.shape)), 1)
    return labels[width:-width, width:-width]


def total(counts: Sequence[LabelCounts], classes: Classes) -> LabelCounts:
    """The sum of the label counts of single images."""
    nothing = np.zeros(len(classes), np.int64)

    def summed(name: str) -> Int[np.ndarray, " C"]:
        summed = nothing.copy()
        for part in counts:
            summed += getattr(part, name)
        return summed

    return LabelCounts(
        classes=classes,
        images=sum(part.images for part in counts),
        unmarked=sum(part.unmarked for part in counts),
        pixels=sum(part.pixels for part in counts),
        valid_pixels=sum(part.valid_pixels for part in counts),
        marked_pixels=summed("marked_pixels"),
        inner_pixels=summed("inner_pixels"),
        marked_images=summed("marked_images"),
        tagged_images=summed("tagged_images"),
        sized_images=summed("sized_images"),
        boxes=summed("boxes"),
    )
