"""The connected regions of a mask, which are what people draw on, click on and put boxes around."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy.ndimage import find_objects, label

MIN_AREA_PX = 25
"""Smaller regions are specks nobody draws on, unless the class has nothing larger in the image."""


@dataclass(frozen=True)
class Region:
    """A connected piece of one class: pixels that touch, by sides or corners."""

    label: int
    at: tuple[slice, slice]
    """Rows and columns of its bounding box."""
    mask: Bool[np.ndarray, "h w"]
    """Its pixels within the bounding box."""


def regions(truth: Int[np.ndarray, "H W"]) -> list[Region]:
    """The regions annotators would mark, class by class; void belongs to none."""
    found = []
    # find_objects begins at 1, so void, which becomes 0, is left out.
    for number, box in enumerate(find_objects(truth + 1)):
        if box is None:
            continue
        pieces, _ = label(truth[box] == number, np.ones((3, 3)))  # pyright: ignore
        sizes = np.bincount(pieces.ravel())[1:]
        for piece, within in enumerate(find_objects(pieces), start=1):
            if sizes[piece - 1] >= min(MIN_AREA_PX, sizes.max()):
                at = [slice(b.start + w.start, b.start + w.stop) for b, w in zip(box, within, strict=True)]
                found.append(Region(number, (at[0], at[1]), pieces[within] == piece))
    return found
