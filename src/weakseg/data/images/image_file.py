"""Images read from files, with values in [0, 1].

Where no range is declared, sixteen-bit values are divided by 65535, and floating point values must lie in [0, 1]
(`value_range`).
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Shaped
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from weakseg.data.images.deep_png import ask_for_lower_bytes, is_deep, joined
from weakseg.data.images.nodata import clear_in, emptied, opacity_of
from weakseg.data.images.orientation import AS_STORED, orientation_in, turned
from weakseg.data.images.stored import (
    IMAGE,
    USUAL,
    Reading,
    laid,
    needs_tifffile,
    opened,
    read_pillow,
    read_tiff,
    require_palette,
    white_is_zero,
)
from weakseg.data.images.value_range import Held, held_by, require_known, scaled

EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
"""File extensions that are read (case-insensitive)."""


@dataclass(frozen=True)
class Decoded:
    """An image and the metadata of its file."""

    image: Float[np.ndarray, "M H W"]
    """Values in [0, 1]."""
    orientation: int
    """EXIF orientation: 1 if the stored image is upright, or the file states none."""
    held: Held | None
    """The extremes of the file's own values; `None` for eight bits."""
    empty: Bool[np.ndarray, "H W"] | None = None
    """Mask of pixels without data; `None` if every pixel has data."""
    clear: float = 0.0
    """Fraction of fully transparent pixels, in [0, 1]."""


def read_image(path: Path, reading: Reading = USUAL) -> Float[np.ndarray, "M H W"]:
    """An image as float32 values in [0, 1].

    Grey gives one channel, colour and palettes three, TIFFs all they have. Transparency is dropped; a photo is rotated
    by its EXIF orientation, unless `reading` says otherwise.

    Raises:
        DataInvalid: the file is missing, damaged, has several pages, or holds values of an unknown range.
    """
    return decode(path, reading).image


def decode(path: Path, reading: Reading = USUAL) -> Decoded:
    """An image as `read_image` gives it, with its metadata."""
    if needs_tifffile(path):
        values, orientation, opacity = read_tiff(path, IMAGE)
        # tifffile rotates nothing, unlike Pillow.
        values = turned(values, orientation) if reading.upright else values
        opacity = turned(opacity, orientation) if reading.upright and opacity is not None else opacity
    else:
        picture, orientation, how = read_pillow(path, IMAGE)
        require_palette(path, picture)
        values, opacity = channels_of(picture), opacity_of(picture)
        opacity = None if opacity is None else laid(opacity, picture, orientation, reading)
        if is_deep(how):
            # Pillow reads 16-bit colour as 8 bits: the file is decoded twice, once for the upper and once for the lower
            # bytes.
            lower = read_pillow(path, IMAGE, ask_for_lower_bytes)[0]
            values = joined(how, values, np.asarray(lower))
        if picture.mode == "I" and isinstance(picture, TiffImageFile) and _unsigned(picture):
            # Pillow reads unsigned 32 bits as signed.
            values = values.view(np.uint32)
        values = laid(values, picture, orientation, reading)
        # Pillow inverts 8 bits and fewer where 0 means white, and leaves 16 as they are.
        if white_is_zero(picture) and np.issubdtype(values.dtype, np.uint16):
            values = np.invert(values)
    return interpreted(path, values, reading, opacity, orientation)


def interpreted(
    path: Path,
    values: Shaped[np.ndarray, "H W M"],
    reading: Reading,
    opacity: Shaped[np.ndarray, "H W 1"] | None = None,
    orientation: int = AS_STORED,
) -> Decoded:
    """An image of stored values, which are those of a file or of a slice of a volume.

    Raises:
        DataInvalid: their range is unknown.
    """
    clear = clear_in(values, opacity)
    values, empty = emptied(values, clear, reading.nodata)
    held = held_by(values)
    require_known(path, values, held, reading.range)
    share = np.count_nonzero(clear) / max(clear.size, 1)
    return Decoded(scaled(values, reading.range), orientation, held, empty, share)


def size_of(path: Path, reading: Reading = USUAL) -> tuple[int, int]:
    """The height and width of an image as `read_image` gives it.

    Of most files only the header is read.

    Raises:
        DataInvalid: as `read_image` does.
    """
    with suppress(Exception):
        if not needs_tifffile(path):
            with opened(path) as picture:
                width, height = picture.size
                # Pillow rotates TIFFs by itself, and states their size after it.
                states_upright = isinstance(picture, TiffImageFile)
                exchanged = orientation_in(picture.getexif()) >= 5 and reading.upright != states_upright
            return (width, height) if exchanged else (height, width)
    height, width = read_image(path, reading).shape[1:]
    return height, width


def orientation_of(path: Path) -> int:
    """The EXIF orientation of an image, 1 to 8.

    Raises:
        DataInvalid: as `read_image` does.
    """
    with suppress(Exception):
        if not needs_tifffile(path):
            with opened(path) as picture:
                return orientation_in(picture.getexif())
    return decode(path).orientation


def channels_of(picture: Image.Image) -> Shaped[np.ndarray, "H W M"]:
    """The channels of an opened image, without transparency.

    One for grey, three for colours and palettes.
    """
    if picture.mode == "LA":
        picture = picture.convert("L")
    elif picture.mode not in ("1", "L", "F") and not picture.mode.startswith("I"):
        # By way of RGBA, because Pillow warns of palettes with transparent colours.
        picture = picture.convert("RGBA").convert("RGB") if picture.mode == "P" else picture.convert("RGB")
    return np.atleast_3d(np.asarray(picture))


def _unsigned(picture: Image.Image) -> bool:
    """Whether a TIFF holds unsigned 32 bits, the default."""
    bits, kinds = (picture.tag_v2.get(tag, (1,)) for tag in (258, 339))  # pyright: ignore[reportAttributeAccessIssue]
    return bits[0] == 32 and kinds[0] == 1
