"""Prediction of an image of any size by windows, to a label map of the same size and place.

Memory depends on the windows alone. A killed prediction goes on with the next block.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from zlib import compress, decompress

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.classes import UNLABELED
from weakseg.data.images.image_file import interpreted
from weakseg.data.images.nodata import voided
from weakseg.data.images.stored import Reading
from weakseg.data.rasters.label_tiff import LabelFile
from weakseg.data.rasters.raster import LARGE, Raster, Stored, Window
from weakseg.errors import WeaksegError
from weakseg.evaluation.context import Context, context_of
from weakseg.evaluation.files.windows import Blocks, blocks_of, tile_of
from weakseg.evaluation.image_input import fitted
from weakseg.evaluation.segments import Segments
from weakseg.files.record_log import RecordLog, record_log

_HALO_SHARE = 8
"""The largest halo is this part of a window: 128 of 1024 pixels."""


def by_windows(raster: Raster) -> bool:
    """Whether an image is predicted by windows: it is large, or has a place that only a TIFF keeps."""
    height, width = raster.levels[0]
    return height * width > LARGE or len(raster.levels) > 1 or raster.grid.is_placed


def context(predictor: Segments) -> Context:
    """The context that a network uses, measured."""
    most = max(predictor.window_px // _HALO_SHARE, predictor.multiple)
    return context_of(predictor.in_one_piece, predictor.channels, predictor.multiple, most)


@dataclass(frozen=True)
class Large:
    """The prediction of one large image."""

    predictor: Segments
    raster: Raster
    blocks: Blocks
    out: LabelFile

    def predict(self, path: Path, digest: str, progress: Callable[[int], None]) -> None:
        """Write the label map.

        Args:
            path: the file, which does not exist.
            digest: that of the image's file.
            progress: called with the number of finished blocks.

        Raises:
            DataInvalid: a part of the image cannot be read; what is finished is kept.
            WriteRefused: the disk is full, likewise; or an earlier prediction was of something else.
        """
        layout = [self.out.size, self.blocks.side, self.blocks.halo, self.blocks.ramp, self.out.tile]
        head = json.dumps({"network": self.predictor.digest, "image": digest, "layout": layout})
        kept = path.with_name(f".{path.name}.windows")
        with record_log(kept, head) as log:
            for index in range(len(self.blocks)):
                if index not in log.places:
                    log.append(index, self._record(log, index))
                progress(index + 1)
            self.out.write(path, self._tiles(log))
        kept.unlink()

    def _record(self, log: RecordLog, index: int) -> list[bytes]:
        """What is kept of a block: its labels, and what it leaves for the next ones."""
        window, block = self.blocks.window(index), self.blocks.block(index)
        probs, empty = self._probabilities(window)
        above, before = self._left(log, self.blocks.above(index), 0), self._left(log, self.blocks.before(index), 1)
        finished, left = self.blocks.blended(index, probs, len(self.predictor.classes), above, before)
        top, start = block.top - window.top, block.left - window.left
        here = empty[top : top + block.height, start : start + block.width]
        labels = voided(finished.argmax(0), here)
        tiles = self.out.encoded(block, self._numbers(labels))
        return [*(compress(part.astype(np.float16).tobytes(), 1) for part in left), *tiles]

    def _left(self, log: RecordLog, index: int | None, part: int) -> Float[np.ndarray, "C h w"] | None:
        if index is None:
            return None
        block, (below, right) = self.blocks.block(index), self.blocks.ramps(index)
        ramp = self.blocks.ramp
        shape = (ramp, block.width) if part == 0 else (block.height + ramp * below, ramp * right)
        values = np.frombuffer(decompress(log.read(index, part)), np.float16)
        return values.reshape(len(self.predictor.classes), *shape).astype(np.float32)

    def _probabilities(self, window: Window) -> tuple[Float[np.ndarray, "C H W"] | None, Bool[np.ndarray, "H W"]]:
        """Probabilities in a window, `None` where it has no data; and its pixels without data."""
        stored = self.raster.read(window)
        read = interpreted(Path(self.raster.name), stored.values, self.reading, stored.opacity)
        empty = np.zeros(read.image.shape[1:], bool) if read.empty is None else read.empty
        if empty.all():
            return None, empty
        image = fitted(read.image, self.predictor.channels, self.raster.name)
        try:
            return self.predictor.in_one_piece(image), empty
        except WeaksegError as error:
            raise error.at(f"{self.raster.name}, rows from {window.top}, columns from {window.left}") from error

    @property
    def reading(self) -> Reading:
        """How pixels are read: as in training, and without those that the file says have no data."""
        return with_nodata(self.predictor.reading, self.raster)

    def _numbers(self, labels: Int[np.ndarray, "H W"]) -> Int[np.ndarray, "H W"]:
        return np.where(labels == UNLABELED, self.predictor.void, np.array(self.predictor.numbers)[labels])

    def _tiles(self, log: RecordLog) -> Iterator[bytes]:
        """All tiles in the order of rows."""
        tile, (height, width) = self.out.tile, self.out.size
        for row in range(ceil(height / tile)):
            for column in range(ceil(width / tile)):
                index = self.blocks.at(row * tile, column * tile)
                block = self.blocks.block(index)
                y, x = row - block.top // tile, column - block.left // tile
                yield log.read(index, 2 + y * ceil(block.width / tile) + x)


def large(predictor: Segments, raster: Raster, halo: int) -> Large:
    """The prediction of a large image, with the halo that the network needs.

    Raises:
        DataInvalid: the image does not fit the network.
    """
    size = raster.levels[0]
    blocks = blocks_of(size, predictor.window_px, halo, predictor.multiple)
    largest = max(*predictor.numbers, predictor.void)
    dtype = np.dtype(np.uint8 if largest <= 255 else np.uint16)
    return Large(predictor, raster, blocks, LabelFile(size, tile_of(blocks), dtype, predictor.void, raster.grid))


def glimpse(raster: Raster, side: int = 1024) -> Stored:
    """Some of an image's pixels: the smallest copy that has as many as a square of this side, or the middle of it."""
    level = max(i for i, (high, wide) in enumerate(raster.levels) if i == 0 or high * wide >= side**2)
    height, width = raster.levels[level]
    high, wide = min(height, side), min(width, side)
    return raster.read(Window((height - high) // 2, (width - wide) // 2, high, wide), level)


def with_nodata(reading: Reading, raster: Raster) -> Reading:
    """How a raster is read: its own number for no data counts where the training declared none."""
    try:
        float(raster.nodata)
    except ValueError:
        return reading
    return reading if reading.nodata else replace(reading, nodata=raster.nodata)
