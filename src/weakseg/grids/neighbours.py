"""Which pixels of a grid are neighbours: the steps to them, and values at both ends of every pair."""

from typing import Any, TypeVar

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""(rows, columns) to the neighbour on the right, below, below on the right and below on the left.

The first two make a grid of 4 neighbours, all of them one of 8; each pair is met once.
"""

Array = TypeVar("Array")
"""Of numpy or torch."""


def ends(values: Array, step: tuple[int, int]) -> tuple[Array, Array]:
    """Views of `values` (..., H, W) at the near and at the far end of every pair that is one step apart."""
    down, right = step
    given: Any = values
    height, width = given.shape[-2:]
    near = given[..., : height - down, max(0, -right) : width - max(0, right)]
    return near, given[..., down:, max(0, right) : width + min(0, right)]
