"""EXIF orientation: how a stored photo is rotated or mirrored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped

TAG = 274
AS_STORED = 1


def orientation_in(tags: Mapping[int, Any]) -> int:
    """The orientation in a file's tags, 1 to 8.

    1, as stored, if they state none.
    """
    said = tags.get(TAG)
    return int(said) if isinstance(said, int) and 1 <= said <= 8 else AS_STORED


def turned(values: Shaped[np.ndarray, "H W *C"], orientation: int) -> Shaped[np.ndarray, "h w *C"]:
    """A stored image as it is displayed, as a view."""
    values = values.swapaxes(0, 1) if orientation >= 5 else values
    values = values[::-1] if orientation in (3, 4, 7, 8) else values
    return values[:, ::-1] if orientation in (2, 3, 6, 7) else values


def inverse(orientation: int) -> int:
    """The orientation that undoes another.

    Quarter turns are exchanged; every other orientation undoes itself.
    """
    return {6: 8, 8: 6}.get(orientation, orientation)


def turned_back(values: Shaped[np.ndarray, "H W *C"], orientation: int) -> Shaped[np.ndarray, "h w *C"]:
    """A displayed image as it is stored, as a view."""
    return turned(values, inverse(orientation))
