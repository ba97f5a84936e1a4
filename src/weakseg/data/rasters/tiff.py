"""TIFF files that are read by windows: tiles and strips, BigTIFF, pyramids of slide scanners and of GDAL.

tifffile reads the tags and decodes one tile at a time; codecs of slide scanners need the package imagecodecs.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedReader
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Shaped

from weakseg.arrays.memory import require_memory
from weakseg.data.images.orientation import AS_STORED, orientation_in
from weakseg.data.images.stored import IMAGE
from weakseg.data.rasters.raster import Grid, Stored, Window
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WORLD = (33550, 33922, 34264, 34735, 34736, 34737)
"""Codes of the tags that place pixels in the world."""
_KEPT_BYTES = 64 << 20
"""Decoded tiles that are kept, because the next window shares them. Strips are as wide as the image, and all of a
window's are kept."""
_UNPACKED = (8, 16, 32, 64)
_SMALLER, _MASK = 1, 4
"""Bits of a page's kind."""
_MINISWHITE, _MINISBLACK, _RGB, _YCBCR = 0, 1, 2, 6


@dataclass(frozen=True, eq=False)
class TiffRaster:
    """An opened TIFF."""

    path: Path
    file: BufferedReader
    pages: tuple[tuple[Any, ...], ...]
    """For each level the pages that hold its channels."""
    _kept: "OrderedDict[tuple[int, int, int], np.ndarray]" = field(default_factory=OrderedDict)

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each level."""
        return tuple((pages[0].imagelength, pages[0].imagewidth) for pages in self.pages)

    @property
    def channels(self) -> int:
        """The number of channels, without transparency."""
        return len(self._samples[0])

    @property
    def dtype(self) -> np.dtype:
        """The type of the stored values."""
        return self._key.dtype.newbyteorder("=")

    @property
    def grid(self) -> Grid:
        """Its GeoTIFF tags and resolution."""
        return grid_of(self._key)

    @property
    def sources(self) -> str:
        """Nothing: the file holds all."""
        return ""

    @property
    def nodata(self) -> str:
        """What GDAL wrote for pixels without data."""
        tag = self._key.tags.get(42113)
        return "" if tag is None else str(tag.value).strip(" \0")

    def read(self, window: Window, level: int = 0) -> Stored:
        """The pixels of a window, which lies inside the level."""
        pages = self.pages[level]
        values = np.empty((window.height, window.width, self._total), self.dtype)
        for plane in range(len(pages) * self._planes):
            part = values[:, :, plane : plane + 1] if self._each == 1 else values
            self._fill(part, window, level, plane)
        if self._key.photometric == _MINISWHITE and values.dtype.kind == "u":
            np.invert(values, out=values)
        colours, opacity = self._samples
        if opacity is None:
            return Stored(values, None)
        return Stored(values[:, :, colours], values[:, :, opacity : opacity + 1])

    @property
    def _key(self) -> Any:
        return self.pages[0][0].keyframe

    @property
    def _planes(self) -> int:
        return self._key.samplesperpixel if self._key.planarconfig == 2 else 1

    @property
    def _each(self) -> int:
        """Samples of a tile's pixel."""
        return 1 if self._key.planarconfig == 2 else self._key.samplesperpixel

    @property
    def _total(self) -> int:
        return self._each * self._planes * len(self.pages[0])

    @cached_property
    def _samples(self) -> tuple[list[int], int | None]:
        """Places of the channels, and of the transparency."""
        extra = tuple(self._key.extrasamples)
        colours = self._total - len(extra)
        kept = [i for i in range(self._total) if i < colours or extra[i - colours] == 0]
        return kept, next((i for i in range(self._total) if i not in kept), None)

    def _fill(self, into: Shaped[np.ndarray, "H W S"], window: Window, level: int, plane: int) -> None:
        page = self.pages[level][plane // self._planes].keyframe
        high, wide = _segment(page)
        if not page.is_tiled and page.compression == 1 and page.predictor == 1:
            self._fill_rows(into, window, level, plane)
            return
        for row in range(window.top // high, ceil((window.top + window.height) / high)):
            for column in range(window.left // wide, ceil((window.left + window.width) / wide)):
                found = self._decoded(level, plane, row, column)
                top, left = row * high - window.top, column * wide - window.left
                y, x = max(top, 0), max(left, 0)
                part = found[y - top : window.height - top, x - left : window.width - left]
                into[y : y + part.shape[0], x : x + part.shape[1]] = part

    def _fill_rows(self, into: Shaped[np.ndarray, "H W S"], window: Window, level: int, plane: int) -> None:
        """Read stored rows directly: a strip may be the whole image."""
        page = self.pages[level][plane // self._planes]
        high, wide = _segment(page.keyframe)
        pixel = page.keyframe.dtype.itemsize * self._each
        strips = ceil(page.keyframe.imagelength / high)
        stored = page.keyframe.dtype.newbyteorder(page.parent.byteorder)
        for y in range(window.height):
            strip, row = divmod(window.top + y, high)
            index = (plane % self._planes) * strips + strip
            if page.databytecounts[index] == 0:
                # GDAL leaves out strips without data; their offset is that of the file's header.
                into[y] = page.keyframe.nodata
                continue
            self.file.seek(page.dataoffsets[index] + (row * wide + window.left) * pixel)
            line = self.file.read(window.width * pixel)
            if len(line) < window.width * pixel:
                raise _undecodable(self.path, f"strip {index} of level {level} ends before its last pixel")
            into[y] = np.frombuffer(line, stored).reshape(window.width, self._each)

    def _decoded(self, level: int, plane: int, row: int, column: int) -> Shaped[np.ndarray, "h w S"]:
        page = self.pages[level][plane // self._planes]
        high, wide = _segment(page.keyframe)
        down, across = ceil(page.keyframe.imagelength / high), ceil(page.keyframe.imagewidth / wide)
        index = ((plane % self._planes) * down + row) * across + column
        key = (level, plane, index)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._decode(page, index, level, (row, column))
        self._kept[key] = found
        limit = _KEPT_BYTES if page.keyframe.is_tiled else 4 * _KEPT_BYTES
        while len(self._kept) > 1 and sum(each.nbytes for each in self._kept.values()) > limit:
            self._kept.popitem(last=False)
        return found

    def _decode(self, page: Any, index: int, level: int, at: tuple[int, int]) -> Shaped[np.ndarray, "h w S"]:
        high, wide = _segment(page.keyframe)
        size = page.databytecounts[index]
        if size == 0:
            # GDAL leaves out tiles without data.
            return np.full((high, wide, self._each), page.keyframe.nodata, self.dtype)
        self.file.seek(page.dataoffsets[index])
        try:
            found, _, _ = page.keyframe.decode(self.file.read(size), index, jpegtables=page.jpegtables)
            found = found[0].reshape(*found.shape[1:3], self._each)
        except Exception as error:  # codecs raise errors of many kinds
            kind = "tile" if page.keyframe.is_tiled else "strip"
            where = f"{kind} {index} of level {level} (row {at[0]}, column {at[1]})"
            raise _undecodable(self.path, f"{where} cannot be decoded: {error}") from error
        return found


def _segment(page: Any) -> tuple[int, int]:
    """Height and width of a tile or strip."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _undecodable(path: Path, found: str) -> DataInvalid:
    if "imagecodecs" in found:
        return DataInvalid(f"{path}: {found}", fix="pip install 'weakseg[slides]'")
    return DataInvalid(f"{path}: {found}", fix="copy or export the file again")


def grid_of(page: Any) -> Grid:
    """The GeoTIFF tags and the resolution of a page."""
    tags = [tag for tag in page.tags if tag.code in _WORLD]
    across, along, unit = (page.tags.get(code) for code in (282, 283, 296))
    resolution = (across.value, along.value, int(unit.value) if unit else 2) if across and along else None
    return Grid(tuple((tag.code, int(tag.dtype), tag.count, tag.value) for tag in tags), resolution)


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does."""
    with open_regular(path) as file:
        return file.read(4) in _STARTS


@contextmanager
def opened_tiff(path: Path) -> Iterator[TiffRaster | None]:
    """A TIFF for reading by windows; `None` where only a decoding as a whole gives its pixels.

    That is so with an orientation, a palette, fewer than eight bits, and several images in a file.

    Raises:
        DataInvalid: it is damaged or ends too early, or its levels disagree.
    """
    with open_regular(path) as stored:
        try:
            # It leaves the file open, which is not its own.
            pages = _levels(path, tifffile.TiffFile(stored))
            if pages is not None:
                _require_whole(path, stored, pages)
                _require_agreement(path, pages)
        except DataInvalid:
            raise
        except Exception as error:  # damaged files make tifffile raise TiffFileError, struct.error ...
            raise _undecodable(path, f"it cannot be read: {error}") from error
        if pages is None:
            yield None
            return
        raster = TiffRaster(path, stored, pages)
        high, wide = _segment(raster._key)
        if raster._key.is_tiled or raster._key.compression != 1:
            require_memory(f"{path} has tiles or strips of {wide} x {high} pixels", high * wide * IMAGE.pixel)
        yield raster


def _levels(path: Path, file: Any) -> tuple[tuple[Any, ...], ...] | None:
    """The pages of each level; `None` if they are not read by windows."""
    first = file.series[0]
    key = file.pages[0]
    # A slide's label and the photo of its glass are series of their own; other files then hold several images.
    slide = file.is_svs or file.is_ome or file.is_ndpi or file.is_scn or file.is_bif or file.is_philips
    others = [] if slide else [each.keyframe for each in file.series[1:] if not each.keyframe.subfiletype & _MASK]
    if len(others) == 1 and others[0].subfiletype & _SMALLER:
        raise _disagreeing(path, key, others[0], len(first.levels))
    if first.axes not in ("YX", "YXS", "SYX", "CYX") or others:
        return None
    if orientation_in({tag.code: tag.value for tag in key.tags}) != AS_STORED:
        return None
    if key.bitspersample not in _UNPACKED or key.photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _YCBCR):
        return None
    levels = tuple(tuple(level.pages) for level in first.levels)
    if any(page is None for pages in levels for page in pages):
        return None
    if first.axes == "CYX" and len(levels[0]) != first.shape[0] or first.axes != "CYX" and len(levels[0]) != 1:
        return None
    return levels


def _require_whole(path: Path, stored: BufferedReader, pages: tuple[tuple[Any, ...], ...]) -> None:
    there = path.stat().st_size
    for page in (page for level in pages for page in level):
        ends = [at + size for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if beyond := sum(end > there for end in ends):
            found = f"{path} has {there:,} bytes, and {beyond} of {len(ends)} tiles or strips lie behind its end"
            fix = "copy or export it again: the copy was broken off"
            raise DataInvalid(found, expected=f"{max(ends):,} bytes", fix=fix)


def _require_agreement(path: Path, pages: tuple[tuple[Any, ...], ...]) -> None:
    """Raise `DataInvalid` unless all levels are of one image."""
    first = pages[0][0].keyframe
    for number, (page, *_) in enumerate(pages[1:], start=1):
        key = page.keyframe
        skew = abs(first.imagelength * key.imagewidth - first.imagewidth * key.imagelength)
        close = skew <= 2 * max(first.imagelength, first.imagewidth)
        if not close or (key.dtype, key.samplesperpixel) != (first.dtype, first.samplesperpixel):
            raise _disagreeing(path, first, key, number)


def _disagreeing(path: Path, first: Any, key: Any, number: int) -> DataInvalid:
    found, expected = (
        f"{each.imagewidth} x {each.imagelength} pixels of {each.samplesperpixel} {each.dtype} values"
        for each in (key, first)
    )
    return DataInvalid(
        f"{path}: level {number} has {found}",
        expected=f"a smaller copy of level 0, {expected}",
        fix="export the pyramid again, or the image without one",
    )
