"""A segmented image, as writers of annotation files take it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from weakseg.arrays.short_repr import brief
from weakseg.classes import UNLABELED


@dataclass(frozen=True, eq=False)
class Segmented:
    """An image's name and the class of each pixel."""

    name: str
    """Name of the image's file."""
    labels: Int[np.ndarray, "H W"]
    """Class indices; `UNLABELED` where there is none."""

    path: str = ""
    """Path of the image from the folder that is written to; empty: its name."""
    file: Path | None = None
    """The image, for writers that need its place on the ground."""

    __repr__ = brief

    def masks(self) -> Iterator[tuple[int, int, int, Bool[np.ndarray, "h w"]]]:
        """(class index, top, left, pixels) of each class that is there, cut to the rows and columns it covers."""
        for label in np.unique(self.labels[self.labels != UNLABELED]).tolist():
            mask = self.labels == label
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            top, left = int(rows[0]), int(columns[0])
            yield label, top, left, mask[top : rows[-1] + 1, left : columns[-1] + 1]


Write = Callable[[Iterable[Segmented], Sequence[str]], Iterator[tuple[str, bytes]]]
"""A writer: segmented images and the names of the classes to files, each a relative path and its bytes."""
