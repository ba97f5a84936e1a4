"""How much was said about a set of pictures, class by class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from weakseg.data.sample import Dataset
from weakseg.data.view import view, whole
from weakseg.types import PRESENT, UNLABELED, Classes

MOST_PICTURES = 500
"""Of larger sets as many pictures are counted, evenly spread, because each has to be read."""


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """Sums over pictures; arrays hold one number a class."""

    classes: Classes
    pictures: int
    """How many there are."""
    counted: int
    """How many of them were counted."""
    unmarked: int
    """Pictures on which nobody drew."""
    valid_pixels: int
    marked_pixels: Int[np.ndarray, " C"]
    marked_pictures: Int[np.ndarray, " C"]
    tagged_pictures: Int[np.ndarray, " C"]
    """Pictures said to show the class."""
    sized_pictures: Int[np.ndarray, " C"]
    boxes: Int[np.ndarray, " C"]

    @property
    def labelled_share(self) -> float:
        """Share of all valid pixels that somebody marked, in [0, 1]."""
        return int(self.marked_pixels.sum()) / max(self.valid_pixels, 1)


def count_labels(dataset: Dataset) -> LabelCounts:
    """Counts the training labels of a data set; marks are counted as they are drawn at native resolution."""
    count, total = len(dataset.classes), len(dataset)
    chosen = np.unique(np.linspace(0, total - 1, min(total, MOST_PICTURES)).round().astype(int))
    sums = np.zeros((5, count), np.int64)
    valid_pixels = unmarked = 0
    for index in chosen:
        sample = dataset[int(index)]
        seeds = view(sample, whole(), sample.valid.shape).weak.seeds[0].numpy()
        pixels = np.bincount(seeds[seeds != UNLABELED], minlength=count)
        sized = (sample.areas != [0, 1]).any(1)
        boxes = np.bincount(sample.boxes[:, 0].astype(int), minlength=count)
        sums += np.stack([pixels, pixels > 0, sample.tags == PRESENT, sized, boxes])
        valid_pixels += int(sample.valid.sum())
        unmarked += not pixels.any()
    return LabelCounts(dataset.classes, total, len(chosen), unmarked, valid_pixels, *sums)
