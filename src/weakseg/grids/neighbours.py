"""Neighbours of pixels on a grid."""

from typing import Any, TypeVar

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Steps (rows, columns) to the neighbour on the right, below, below on the right and below on the left.

The first two make a grid of 4 neighbours, all of them one of 8; each pair is met once.
"""

Array = TypeVar("Array")
"""An array of numpy or torch."""


def ends(values: Array, step: tuple[int, int]) -> tuple[Array, Array]:
    """Views of both ends of all pairs along a step.

    The first view holds the near ends of `values` (..., H, W).
    """
    down, right = step
    given: Any = values
    height, width = given.shape[-2:]
    # Pairs that would leave the grid are cut off at both ends, so that both views have one shape.
    near = given[..., : max(0, height - down), max(0, -right) : width - max(0, right)]
    return near, given[..., down:, max(0, right) : width + min(0, right)]
