"""Which pixels of a grid are neighbours: the steps to them, and values at both ends of every pair."""

from typing import TypeVar

import numpy as np
from torch import Tensor

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""(rows, columns) to the neighbour on the right, below, below on the right and below on the left.

The first two make a grid of 4 neighbours, all of them one of 8; each pair is met once.
"""

Array = TypeVar("Array", Tensor, np.ndarray)


def ends(values: Array, step: tuple[int, int]) -> tuple[Array, Array]:
    """Views of `values` (..., H, W) at the near and at the far end of every pair that is one step apart."""
    down, right = step
    height, width = values.shape[-2:]
    near = values[..., : height - down, max(0, -right) : width - max(0, right)]
    return near, values[..., down:, max(0, right) : width + min(0, right)]
