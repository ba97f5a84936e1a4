"""Connected regions of a mask.

Annotators draw on them, click on them and box them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy.ndimage import find_objects, label

MIN_AREA_PX = 25
"""Smallest area of a region in pixels, unless the class has nothing larger in the image."""


@dataclass(frozen=True)
class Region:
    """A connected piece of one class.

    Its pixels touch by sides or corners.
    """

    label: int
    at: tuple[slice, slice]
    """Rows and columns of the bounding box."""
    mask: Bool[np.ndarray, "h w"]
    """Pixels of the region within the bounding box."""


def regions(truth: Int[np.ndarray, "H W"]) -> list[Region]:
    """The regions an annotator would mark, class by class.

    Void belongs to none.
    """
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
