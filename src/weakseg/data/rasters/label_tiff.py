"""Label maps of any size, written by windows as tiled TIFFs with smaller copies.

Finished tiles are kept in a file of records, from which a killed process goes on; the TIFF is written from it at the
end, whole or not at all.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any
from zlib import compress, decompress

import numpy as np
import tifffile
from jaxtyping import Shaped

from weakseg.data.images.label_file import palette
from weakseg.data.rasters.raster import Grid, Window
from weakseg.files.record_log import RecordLog, record_log
from weakseg.files.whole_file import write_whole

_CLASSIC = 0xF000_0000
"""Most bytes of a file that is no BigTIFF."""
_SMALLEST = 256
"""The longest side of the smallest copy is at most twice this."""


@dataclass(frozen=True)
class LabelFile:
    """What a label map will be."""

    size: tuple[int, int]
    """Height and width."""
    tile: int
    """The side of a tile, a multiple of 16."""
    dtype: np.dtype
    void: int
    """The number where there is no data."""
    grid: Grid = Grid()

    def encoded(self, window: Window, labels: Shaped[np.ndarray, "H W"]) -> list[bytes]:
        """The compressed tiles of a window.

        The window begins at the corner of a tile, and ends at one or at the image's end.
        """
        assert window.top % self.tile == window.left % self.tile == 0, window
        tiles = []
        for top in range(0, window.height, self.tile):
            for left in range(0, window.width, self.tile):
                tiles.append(self._encoded(labels[top : top + self.tile, left : left + self.tile]))
        return tiles

    def _encoded(self, labels: Shaped[np.ndarray, "h w"]) -> bytes:
        tile = np.full((self.tile, self.tile), self.void, self.dtype)
        tile[: labels.shape[0], : labels.shape[1]] = labels
        return compress(tile.tobytes(), 6)

    def decoded(self, content: bytes) -> Shaped[np.ndarray, "t t"]:
        """A compressed tile."""
        return np.frombuffer(decompress(content), self.dtype).reshape(self.tile, self.tile)

    def write(self, path: Path, tiles: Iterator[bytes]) -> None:
        """Write the file from all its tiles in the order of rows, by way of a temporary one.

        Raises:
            WriteRefused: it cannot be written.
        """
        write_whole(path, lambda part: self._write(part, tiles))

    def _write(self, part: Path, tiles: Iterator[bytes]) -> None:
        with ExitStack() as stack:
            levels = [(self.size, stack.enter_context(record_log(part.with_name("level0"), "")))]
            for index, tile in enumerate(tiles):
                levels[0][1].append(index, [tile])
            while max(levels[-1][0]) > 2 * _SMALLEST:
                log = stack.enter_context(record_log(part.with_name(f"level{len(levels)}"), ""))
                levels.append((self._smaller(*levels[-1], log), log))
            total = sum(log.path.stat().st_size for _, log in levels)
            with tifffile.TiffWriter(part, bigtiff=total > _CLASSIC) as file:
                for number, (size, log) in enumerate(levels):
                    content = (log.read(index, 0) for index in range(len(log.places)))
                    file.write(content, shape=size, **self._layout(number))

    def _smaller(self, size: tuple[int, int], of: RecordLog, into: RecordLog) -> tuple[int, int]:
        """Every second pixel of a level, whose size is returned."""
        down, across = (ceil(side / self.tile) for side in size)
        height, width = (ceil(side / 2) for side in size)
        half = ceil(self.tile / 2)
        for row in range(ceil(height / self.tile)):
            for column in range(ceil(width / self.tile)):
                tile = np.full((2 * half, 2 * half), self.void, self.dtype)
                for y, x in ((y, x) for y in (0, 1) for x in (0, 1)):
                    if 2 * row + y < down and 2 * column + x < across:
                        whole = self.decoded(of.read((2 * row + y) * across + 2 * column + x, 0))
                        tile[y * half : (y + 1) * half, x * half : (x + 1) * half] = whole[::2, ::2]
                into.append(row * ceil(width / self.tile) + column, [self._encoded(tile)])
        return height, width

    def _layout(self, level: int) -> dict[str, Any]:
        """How tifffile writes a level."""
        layout: dict[str, Any] = {
            "dtype": self.dtype,
            "tile": (self.tile, self.tile),
            "compression": "zlib",
            "metadata": None,
            "photometric": "minisblack",
            "subfiletype": 1 if level else 0,
        }
        if self.dtype == np.uint8:
            layout |= {"photometric": "palette", "colormap": palette(256).T.astype(np.uint16) * 257}
        if level:
            return layout
        tags = [(*tag, True) for tag in self.grid.tags]
        if self.grid.is_placed:
            tags.append((42113, 2, 0, str(self.void), True))
        if self.grid.resolution is not None:
            *per, unit = self.grid.resolution
            layout |= {"resolution": tuple(per), "resolutionunit": unit}
        return layout | {"extratags": tags, "software": "weakseg"}
