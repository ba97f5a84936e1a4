"""Image files as they are stored: decoded by Pillow or tifffile, and rotated on request.

Pillow reads; tifffile takes the TIFFs that Pillow cannot represent.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from math import prod
from pathlib import Path
from threading import Lock

import numpy as np
import tifffile
from jaxtyping import Shaped
from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile
from PIL.TiffImagePlugin import TiffImageFile

from weakseg.arrays.memory import SMALLER, require_memory
from weakseg.data.images.deep_png import packing
from weakseg.data.images.orientation import orientation_in, turned, turned_back
from weakseg.data.images.value_range import Range
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular


@dataclass(frozen=True)
class Needs:
    """Memory that reading and processing an image needs, in bytes.

    It is the most that any command takes.
    """

    pixel: int
    """Bytes per pixel."""
    value: int
    """Bytes per channel of a pixel."""


@dataclass(frozen=True)
class Reading:
    """Settings for reading the files of a folder."""

    upright: bool = True
    """Whether photos are rotated by their EXIF orientation; otherwise they are read as stored."""
    range: Range | None = None
    """The values that become 0 and 1 in files of more than eight bits; values outside are clipped. `None`: the full
    range of the file format."""
    nodata: str = ""
    """Marker of pixels without data: a number, "nan" or "transparent"; empty if there is none."""


USUAL = Reading()


Fits = Callable[[int, int], None]
"""Check of the height and width in a file's header, as stored, before anything is decoded; it may raise."""


def any_size(height: int, width: int) -> None:
    """Accept images of any size."""


IMAGE, LABELS = Needs(pixel=18, value=8), Needs(pixel=24, value=4)
"""Needs of images and label maps in `weakseg check`, besides what is in memory before each is read."""


_LIMIT_OF_PILLOW = Lock()


# weakseg's own messages report what these libraries log about damaged files.
for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image whose header Pillow has read.

    Nothing is decoded yet. Pillow's own limit of pixels, which does not know the available memory, is lifted meanwhile.
    """
    with open_regular(path) as file, header_of(file) as picture:
        yield picture


def header_of(file: BufferedReader | BytesIO) -> Image.Image:
    """An image in an opened file, as `opened` gives it."""
    with _LIMIT_OF_PILLOW:
        # A setting of the whole process, hence the lock: two threads would otherwise put back each other's.
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _require_memory(path: Path, height: int, width: int, channels: int, needs: Needs) -> None:
    found = f"{path} is {width:,} wide and {height:,} high with {channels} channel{'s' * (channels > 1)}"
    require_memory(found, height * width * (needs.pixel + needs.value * channels))


def read_pillow(
    path: Path, needs: Needs, prepare: Callable[[Image.Image], None] = lambda opened: None, fits: Fits = any_size
) -> tuple[Image.Image, int, str]:
    """The only image of a file, its orientation and `packing`.

    `prepare` is called before it is decoded.
    """
    try:
        with opened(path) as picture:
            # A phone's MPO is a JPEG with a preview or depth map behind the photo.
            pages = 1 if isinstance(picture, MpoImageFile) else getattr(picture, "n_frames", 1)
            if pages == 1:
                # Before anything is decoded: a file of a kilobyte may claim a billion pixels.
                fits(picture.height, picture.width)
                grey = picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")
                _require_memory(path, picture.height, picture.width, 1 if grey else 3, needs)
                how = packing(picture)
                prepare(picture)
                # Pillow removes the tag from a TIFF that it rotates while loading it.
                orientation = orientation_in(picture.getexif())
                picture.load()
    except DataInvalid:
        raise
    except MemoryError as error:
        raise DataInvalid(f"{path} needs more memory than is available", fix=SMALLER) from error
    except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error ...
        raise DataInvalid(f"{path} cannot be read: {error}", fix="export or copy the file again") from error
    if pages > 1:
        raise DataInvalid(
            f"{path} holds {pages} pages", expected="one image per file", fix="save each page as a file of its own"
        )
    return picture, orientation, how  # pyright: ignore[reportPossiblyUnboundVariable]


def needs_tifffile(path: Path) -> bool:
    """Whether Pillow cannot open a TIFF, or would truncate it.

    It does so for 16-bit colour, many channels, and channels on pages.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    try:
        with opened(path) as picture:
            # BitsPerSample, SamplesPerPixel, ExtraSamples; an extra sample of kind 0 is no transparency but a channel.
            bits, samples, extra = (picture.tag_v2.get(tag) or (1,) for tag in (258, 277, 338))  # pyright: ignore
            samples = samples if isinstance(samples, int) else samples[0]
            cut = samples > 1 and (max(bits) > 8 or samples > 4 or extra[0] == 0)
            return cut or picture.n_frames > 1  # pyright: ignore
    except DataInvalid:
        return False
    except Exception:
        return True


def read_tiff(
    path: Path, needs: Needs, fits: Fits = any_size
) -> tuple[Shaped[np.ndarray, "H W M"], int, Shaped[np.ndarray, "H W 1"] | None]:
    """Stored channels of a TIFF, its orientation and transparency."""
    try:
        with open_regular(path) as stored, tifffile.TiffFile(stored) as file:
            series = file.series[0]
            axes, extra = series.axes, file.pages[0].extrasamples  # pyright: ignore
            values, orientation = None, orientation_in({tag.code: tag.value for tag in file.pages[0].tags})  # pyright: ignore
            if len(file.series) == 1:
                height, width = (dict(zip(axes, series.shape, strict=True)).get(axis, 1) for axis in "YX")
                fits(height, width)
                _require_memory(path, height, width, prod(series.shape) // max(height * width, 1), needs)
                values = series.asarray()
    except DataInvalid:
        raise
    except MemoryError as error:
        raise DataInvalid(f"{path} needs more memory than is available", fix=SMALLER) from error
    except Exception as error:  # damaged files make tifffile raise TiffFileError, zlib.error, ValueError ...
        fix = "export or copy the file again, without compression"
        raise DataInvalid(f"{path} cannot be read: {error}", fix=fix) from error
    if values is None or axes not in ("YX", "YXS", "SYX", "CYX"):
        raise DataInvalid(
            f"{path} holds several pages (axes {axes})",
            expected="one image per file, its channels as samples of one page",
            fix="save each page as a file, or channels with tifffile.imwrite(file, array, planarconfig='separate')",
        )
    values = np.atleast_3d(values) if axes in ("YX", "YXS") else np.moveaxis(values, 0, -1)
    colours = values.shape[2] - len(extra)
    # An extra sample of kind 0 is a channel; of kinds 1 and 2 it is transparency.
    kept = [i for i in range(values.shape[2]) if i < colours or extra[i - colours] == 0]
    if len(kept) == values.shape[2]:
        return values, orientation, None
    opacity = next(i for i in range(values.shape[2]) if i not in kept)
    return values[:, :, kept], orientation, values[:, :, opacity : opacity + 1]


def laid(
    values: Shaped[np.ndarray, "H W M"], picture: Image.Image, orientation: int, reading: Reading
) -> Shaped[np.ndarray, "h w M"]:
    """The channels of an opened image, in the requested orientation."""
    if isinstance(picture, TiffImageFile):
        # Pillow rotates TIFFs by itself, and no other format.
        return values if reading.upright else turned_back(values, orientation)
    return turned(values, orientation) if reading.upright else values


def white_is_zero(picture: Image.Image) -> bool:
    """Whether a TIFF's PhotometricInterpretation makes 0 white."""
    return isinstance(picture, TiffImageFile) and picture.tag_v2.get(262) == 0


def require_palette(path: Path, picture: Image.Image) -> None:
    """Raise `DataInvalid` if palette indices come without a palette.

    As a label map such a file can still be read.
    """
    if picture.mode == "P" and picture.palette is None:
        found = f"{path} has palette indices, but no palette"
        raise DataInvalid(found, expected="the colours of its pixels", fix="export or copy the file again")
