"""Virtual mosaics (VRT) and JPEG 2000, read by windows with rasterio.

GeoTIFFs need no rasterio: their tags are copied as they are.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from weakseg.data.rasters.raster import Grid, Stored, Window
from weakseg.data.rasters.tiff import grid_of
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.formats.extras import needed

_STARTS = (b"<VRTDataset", b"\0\0\0\x0cjP  \r\n\x87\n")


def is_gdal(path: Path) -> bool:
    """Whether a file begins as a VRT or a JPEG 2000 does."""
    with open_regular(path) as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_STARTS)


@dataclass(frozen=True, eq=False)
class GdalRaster:
    """An opened file of GDAL's."""

    path: Path
    opened: Any
    """The `rasterio.DatasetReader`."""

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Height and width of the image."""
        return ((self.opened.height, self.opened.width),)

    @property
    def channels(self) -> int:
        """The number of channels, without transparency."""
        return len(self._bands)

    @property
    def dtype(self) -> np.dtype:
        """The type of the stored values."""
        return np.dtype(self.opened.dtypes[0])

    @property
    def grid(self) -> Grid:
        """The tags of an empty GeoTIFF that GDAL writes for the same place."""
        placed = {"crs": self.opened.crs, "transform": self.opened.transform, "gcps": self.opened.gcps[0] or None}
        if self.opened.crs is None and self.opened.transform.is_identity:
            return Grid()
        profile = {name: value for name, value in placed.items() if value}
        with needed("rasterio.io", "geo", self.name).MemoryFile() as held:
            with held.open(driver="GTiff", height=1, width=1, count=1, dtype="uint8", **profile):
                pass
            file = BytesIO(held.read())
        with tifffile.TiffFile(file) as written:
            return grid_of(written.pages[0])

    @property
    def sources(self) -> str:
        """Sizes and times of the files that a VRT names."""
        others = [Path(name) for name in self.opened.files if Path(name) != self.path]
        seen = [(path.name, path.stat()) for path in others if path.is_file()]
        return "".join(f" {name} {found.st_size} {found.st_mtime_ns}" for name, found in seen)

    @property
    def nodata(self) -> str:
        """The declared number, with all its digits: pixels are compared with it."""
        return "" if self.opened.nodata is None else f"{self.opened.nodata:.17g}"

    @property
    def _bands(self) -> list[int]:
        return [i for i, kind in enumerate(self.opened.colorinterp, start=1) if kind.name != "alpha"]

    def read(self, window: Window, level: int = 0) -> Stored:
        """The pixels of a window, which lies inside the level."""
        rows, columns = (window.top, window.top + window.height), (window.left, window.left + window.width)
        try:
            values = self.opened.read(window=(rows, columns))
        except Exception as error:  # damaged files make rasterio raise errors of many kinds
            found = f"{self.path}: rows from {window.top}, columns from {window.left} cannot be read: {error}"
            raise DataInvalid(found, fix="check the files that it names, or copy it again") from error
        pixels, bands = np.moveaxis(values, 0, -1), [band - 1 for band in self._bands]
        opaque = [i for i in range(pixels.shape[2]) if i not in bands]
        return Stored(pixels[:, :, bands], pixels[:, :, opaque[:1]] if opaque else None)


def _refuse_remote(path: Path) -> None:
    """Refuse a VRT that names a file which is not on this machine, or not a file."""
    # Predicting from an ONNX file needs none but a few packages, until there is a VRT.
    from defusedxml import ElementTree

    seen, left = set[Path](), [path]
    while left:
        file = left.pop()
        if file in seen or not (file.is_file() and is_gdal(file)):
            continue
        seen.add(file)
        with open_regular(file) as stored:
            if b"<VRTDataset" not in stored.read(64):
                continue
        try:
            tree = ElementTree.parse(file)
        except Exception as error:  # defusedxml raises errors of its own beside the parser's
            raise DataInvalid(
                f"{file} is damaged: {error}", fix="make it again, with gdalbuildvrt for example"
            ) from error
        for element in tree.iter("SourceFilename"):
            name = (element.text or "").strip()
            if "://" in name or name.lower().startswith("/vsi"):
                fix = "copy what it names to this machine, and make it again with gdalbuildvrt"
                raise DataInvalid(f"{path} names {name:.200}", expected="files of this machine", fix=fix)
            left.append(file.parent / name if element.get("relativeToVRT") == "1" else Path(name))


@contextmanager
def opened_gdal(path: Path) -> Iterator[GdalRaster]:
    """A VRT or JPEG 2000 for reading by windows.

    Raises:
        DataInvalid: rasterio is not installed, or the file is damaged or has bands of several types.
    """
    rasterio = needed("rasterio", "geo", str(path))
    # A VRT may hold Python code, and name files of other machines, directly or by another VRT.
    os.environ.setdefault("GDAL_VRT_ENABLE_PYTHON", "NO")
    os.environ.setdefault("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".none")
    _refuse_remote(path)
    try:
        # A VRT without a place is an image too.
        with warnings.catch_warnings(action="ignore"):
            opened = rasterio.open(path)
    except rasterio.errors.RasterioError as error:
        raise DataInvalid(f"{path} cannot be read: {error}", fix="check the files that it names") from error
    with opened:
        if len({*opened.dtypes}) > 1:
            raise DataInvalid(f"{path} has bands of types {', '.join(opened.dtypes)}", expected="one type")
        yield GdalRaster(path, opened)
