"""Large images cut into blocks, each predicted from a window around it and blended with its neighbours.

A window reaches beyond its block by a halo, which gives context and is thrown away, and to the right and below by a
ramp, in which its probabilities are blended with the neighbour's. Blocks are finished in the order of rows; what a
block leaves for the next ones are two strips as wide as the ramp.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, lcm
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from weakseg.data.rasters.raster import Window


class Left(NamedTuple):
    """Weighted probabilities that a block leaves for its neighbours."""

    below: Float[np.ndarray, "C r w"]
    """The first rows of the block below, as wide as the block."""
    right: Float[np.ndarray, "C b r"]
    """The first columns of the block to the right, with their part of the ramp below."""


@dataclass(frozen=True)
class Blocks:
    """Blocks that cover an image."""

    size: tuple[int, int]
    """Height and width of the image."""
    side: int
    """The side of a block; the last ones of a row or column are larger or smaller by up to a ramp."""
    halo: int
    ramp: int

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        rows, columns = (max(ceil((length - self.ramp) / self.side), 1) for length in self.size)
        return rows, columns

    def __len__(self) -> int:
        return self.grid[0] * self.grid[1]

    def at(self, row: int, column: int) -> int:
        """The block that holds a pixel."""
        down, across = min(row // self.side, self.grid[0] - 1), min(column // self.side, self.grid[1] - 1)
        return down * self.grid[1] + across

    def block(self, index: int) -> Window:
        """The pixels that are finished with a block."""
        (top, height), (left, width) = (self._span(axis, at) for axis, at in enumerate(self._place(index)))
        return Window(top, left, height, width)

    def window(self, index: int) -> Window:
        """The pixels that the network sees for a block."""
        block, (below, right) = self.block(index), self.ramps(index)
        top, left = max(block.top - self.halo, 0), max(block.left - self.halo, 0)
        bottom = min(block.top + block.height + (self.ramp + self.halo) * below, self.size[0])
        end = min(block.left + block.width + (self.ramp + self.halo) * right, self.size[1])
        return Window(top, left, bottom - top, end - left)

    def ramps(self, index: int) -> tuple[bool, bool]:
        """Whether there is a block below, and one to the right."""
        row, column = self._place(index)
        return row + 1 < self.grid[0], column + 1 < self.grid[1]

    def above(self, index: int) -> int | None:
        """The block above."""
        return index - self.grid[1] if index >= self.grid[1] else None

    def before(self, index: int) -> int | None:
        """The block to the left."""
        return index - 1 if index % self.grid[1] else None

    def blended(
        self,
        index: int,
        probs: Float[np.ndarray, "C H W"] | None,
        classes: int,
        above: Float[np.ndarray, "C r w"] | None,
        before: Float[np.ndarray, "C b r"] | None,
    ) -> tuple[Float[np.ndarray, "C h w"], Left]:
        """Weighted probabilities of a block, whose weights sum to 1 where all its windows have data.

        Args:
            index: the block.
            probs: the probabilities in its window; `None` where the window has no data.
            classes: the number of classes.
            above: what the block above left below it.
            before: what the block to the left left to its right.
        """
        block, (below, right) = self.block(index), self.ramps(index)
        height, width = block.height + self.ramp * below, block.width + self.ramp * right
        total = np.zeros((classes, height, width), np.float32)
        if probs is not None:
            window = self.window(index)
            top, left = block.top - window.top, block.left - window.left
            total[:] = probs[:, top : top + height, left : left + width]
            if len(self) > 1:
                total *= self._weight(height, block.top > 0, below)[:, None]
                total *= self._weight(width, block.left > 0, right)
        if before is not None:
            total[:, :, : self.ramp] += before
        if above is not None:
            total[:, : self.ramp, : block.width] += above
        finished = total[:, : block.height, : block.width]
        return finished, Left(total[:, block.height :, : block.width], total[:, :, block.width :])

    def _place(self, index: int) -> tuple[int, int]:
        return divmod(index, self.grid[1])

    def _span(self, axis: int, at: int) -> tuple[int, int]:
        """Where a block begins, and its length."""
        start = at * self.side
        return start, self.side if at + 1 < self.grid[axis] else self.size[axis] - start

    def _weight(self, length: int, rises: bool, falls: bool) -> Float[np.ndarray, " L"]:
        weight, slope = np.ones(length, np.float32), (np.arange(self.ramp, dtype=np.float32) + 0.5) / self.ramp
        if rises:
            weight[: self.ramp] = slope
        if falls:
            weight[length - self.ramp :] = 1 - slope
        return weight


def blocks_of(size: tuple[int, int], window_px: int, halo: int, multiple: int) -> Blocks:
    """The blocks of an image; one for an image that fits into one window.

    Args:
        size: height and width of the image.
        window_px: the side of a window.
        halo: a multiple of `multiple`.
        multiple: the number that corners of windows divide by, so that the cells of neighbours coincide.
    """
    unit = lcm(multiple, 32)
    if size[0] * size[1] <= window_px**2:
        return Blocks(size, ceil(max(size) / unit) * unit, halo, multiple)
    least = max(window_px - 2 * halo - multiple, 2 * multiple)
    return Blocks(size, ceil(least / unit) * unit, halo, multiple)


def tile_of(blocks: Blocks) -> int:
    """The side of the tiles of a file, which divides that of a block."""
    side = blocks.side
    while side > 512 and side % 32 == 0:
        side //= 2
    return side
