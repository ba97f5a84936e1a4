"""Images and label maps in files: whatever is on disk becomes an image in [0, 1] or a map of integers.

Where no range is declared, sixteen-bit values are divided by 65535 and floating point, taken as it is, must lie in
[0, 1] (`value_range`). Pillow reads; tifffile takes the TIFFs that Pillow cannot hold.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import Lock

import numpy as np
import tifffile
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from weakseg.data.images.colours import numbers_of
from weakseg.data.images.deep_png import ask_for_lower_bytes, is_deep, joined, packing, png_bits
from weakseg.data.images.nodata import clear_in, emptied, opacity_of
from weakseg.data.images.orientation import orientation_in, turned, turned_back
from weakseg.data.images.value_range import Held, Range, held_by, require_known, scaled
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.files.whole_file import write_whole
from weakseg.memory import SMALLER, require_memory
from weakseg.types import UNLABELED

EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
"""Of the files that are looked at, in any case."""


@dataclass(frozen=True)
class Needs:
    """Bytes of memory that reading an image and working on it takes at most, in the command that takes most."""

    pixel: int
    value: int
    """For each channel of a pixel."""


@dataclass(frozen=True)
class Reading:
    """What is done with the files of a folder when they are read."""

    upright: bool = True
    """Whether a photo is turned as its EXIF orientation says; else it lies as it is stored."""
    range: Range | None = None
    """The numbers that stand for 0 and 1 in files of more than eight bits; what lies outside is clipped. `None`: all
    that the file could hold."""
    nodata: str = ""
    """What marks pixels without data: a number, "nan" or "transparent"; empty: nothing does."""


USUAL = Reading()


@dataclass(frozen=True)
class Decoded:
    """An image and what its file tells of it."""

    image: Float[np.ndarray, "M H W"]
    """Values in [0, 1]."""
    orientation: int
    """In the EXIF data: 1 where what is stored is upright, or nothing is told."""
    held: Held | None
    """The extremes of the file's own numbers; `None` of eight bits."""
    empty: Bool[np.ndarray, "H W"] | None = None
    """Where it holds no data; `None` where it holds some everywhere."""
    clear: float = 0.0
    """Share of its pixels that are fully transparent, 0 to 1."""


Fits = Callable[[int, int], None]
"""Called with the height and width in a file's header, as they are stored, before anything of it is decoded."""


def any_size(height: int, width: int) -> None:
    """Where no size is expected."""


IMAGE, LABELS = Needs(pixel=18, value=8), Needs(pixel=24, value=4)
"""Of `weakseg check`; for each of them what is read before is there already."""

_LIMIT_OF_PILLOW = Lock()

# Our own messages tell what they log about damaged files.
for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


def read_image(path: Path, reading: Reading = USUAL) -> Float[np.ndarray, "M H W"]:
    """An image as float32 values in [0, 1]: grey gives one channel, colour and palettes three, TIFFs all they have.

    Transparency is dropped; a photo lies as its EXIF orientation says, unless `reading` says otherwise.

    Raises:
        DataInvalid: the file is missing, damaged, has several pages, or holds values of an unknown range.
    """
    return decode(path, reading).image


def decode(path: Path, reading: Reading = USUAL) -> Decoded:
    """The same, with what the file tells of it."""
    if _needs_tifffile(path):
        values, orientation, opacity = _read_tiff(path, IMAGE)
        values = turned(values, orientation) if reading.upright else values
        opacity = turned(opacity, orientation) if reading.upright and opacity is not None else opacity
    else:
        picture, orientation, how = _read_pillow(path, IMAGE)
        _require_palette(path, picture)
        values, opacity = channels_of(picture), opacity_of(picture)
        opacity = None if opacity is None else _laid(opacity, picture, orientation, reading)
        if is_deep(how):
            lower = _read_pillow(path, IMAGE, ask_for_lower_bytes)[0]
            values = joined(how, values, np.asarray(lower))
        if picture.mode == "I" and picture.format == "TIFF" and _unsigned(picture):
            # Pillow takes them for signed ones.
            values = values.view(np.uint32)
        values = _laid(values, picture, orientation, reading)
        # Pillow inverts 8 bits and fewer where 0 means white, and leaves 16 as they are.
        if _white_is_zero(picture) and values.dtype.kind == "u" and values.dtype.itemsize == 2:
            values = np.invert(values)
    clear = clear_in(values, opacity)
    values, empty = emptied(values, clear, reading.nodata)
    held = held_by(values)
    require_known(path, values, held, reading.range)
    share = np.count_nonzero(clear) / max(clear.size, 1)
    return Decoded(scaled(values, reading.range), orientation, held, empty, share)


def _laid(
    values: Shaped[np.ndarray, "H W M"], picture: Image.Image, orientation: int, reading: Reading
) -> Shaped[np.ndarray, "h w M"]:
    """The values of an image that Pillow has opened, upright or as they are stored."""
    if picture.format == "TIFF":
        # Pillow turns these by itself, and no others.
        return values if reading.upright else turned_back(values, orientation)
    return turned(values, orientation) if reading.upright else values


def channels_of(picture: Image.Image) -> Shaped[np.ndarray, "H W M"]:
    """The channels of an image that Pillow has opened: one of grey, three of colours and palettes; no transparency."""
    if picture.mode == "LA":
        picture = picture.convert("L")
    elif picture.mode not in ("1", "L", "F") and not picture.mode.startswith("I"):
        # By way of RGBA, because a palette may hold transparent colours, which Pillow warns of.
        picture = picture.convert("RGBA").convert("RGB") if picture.mode == "P" else picture.convert("RGB")
    return np.atleast_3d(np.asarray(picture))


def read_labels(path: Path, reading: Reading = USUAL, fits: Fits = any_size) -> Int[np.ndarray, "H W"]:
    """The values of a label map: palette indices or grey values, as they are; upright like an image.

    What `fits` raises of the size is raised before memory is taken for it.

    Raises:
        DataInvalid: the file is missing, damaged, lossy, coloured, or holds no whole numbers.
    """
    if not _needs_tifffile(path):
        return _values_of(path, reading, *_read_pillow(path, LABELS, fits=fits))
    values, orientation, _ = _read_tiff(path, LABELS, fits)
    return _one_number(path, turned(values, orientation) if reading.upright else values)


def read_values_or_colours(
    path: Path, palettes: bool, reading: Reading = USUAL, fits: Fits = any_size
) -> Int[np.ndarray, "H W"]:
    """As `read_colours` where a label map is painted, as `read_labels` elsewhere; the file is opened once.

    Colours of a palette count where `palettes` is true.

    Raises:
        DataInvalid: as those do.
    """
    if _needs_tifffile(path):
        return read_labels(path, reading, fits)
    picture, orientation, how = _read_pillow(path, LABELS, fits=fits)
    painted = picture.mode in (("RGB", "RGBA", "P") if palettes else ("RGB", "RGBA"))
    return (_colours_of if painted else _values_of)(path, reading, picture, orientation, how)


def _values_of(
    path: Path, reading: Reading, picture: Image.Image, orientation: int, how: str
) -> Int[np.ndarray, "H W"]:
    values = _laid(np.atleast_3d(np.asarray(picture)), picture, orientation, reading)
    _refuse_lossy(path, picture)
    labels, stretch = _one_number(path, values), 1
    if picture.mode in ("1", "L"):
        # Pillow stretches grey values of 2 or 4 bits to 0..255, and inverts them where 0 means white.
        bits = _tiff_bits(picture) if picture.format == "TIFF" else png_bits(how)
        stretch = 255 // (2**bits - 1) if picture.mode == "L" else 1
        labels = _one_number(path, np.invert(values)) if _white_is_zero(picture) else labels
    if stretch > 1:
        labels //= stretch
    return labels


def _one_number(path: Path, values: Shaped[np.ndarray, "H W M"]) -> Int[np.ndarray, "H W"]:
    """The single channel of whole numbers that a label map has; raises `DataInvalid` where it has none."""
    if values.shape[2] == 2:
        raise DataInvalid(
            f"{path} is grey with transparency (2 channels)",
            expected="one number per pixel: a palette or grey PNG with the index of the class",
            fix=_FROM_TRANSPARENCY,
        )
    if values.shape[2] > 1:
        raise DataInvalid(
            f"{path} is a colour image ({values.shape[2]} channels)",
            expected="one number per pixel: a palette or grey PNG with the index of the class",
            fix=_FROM_COLOURS,
        )
    if values.dtype.kind not in "bui":
        raise DataInvalid(f"{path} holds {values.dtype} values", expected="whole numbers", fix="save it as PNG")
    return values[:, :, 0].astype(np.int32)


def holds_colours(path: Path) -> bool:
    """Whether a label map is painted in colours, other than those of a palette.

    False where it cannot be read, or its colours have more than 8 bits: `read_labels` says what is wrong with it.
    """
    try:
        with _opened(path) as picture:
            return picture.mode in ("RGB", "RGBA") and not _needs_tifffile(path)
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return False


def read_colours(path: Path, reading: Reading = USUAL) -> Int[np.ndarray, "H W"]:
    """The number that each colour of a painted label map has in `data/images/colours.py`; upright like an image.

    Raises:
        DataInvalid: the file is missing, damaged or lossy.
    """
    return _colours_of(path, reading, *_read_pillow(path, LABELS))


def _colours_of(
    path: Path, reading: Reading, picture: Image.Image, orientation: int, how: str
) -> Int[np.ndarray, "H W"]:
    _refuse_lossy(path, picture)
    _require_palette(path, picture)
    return numbers_of(_laid(np.asarray(picture.convert("RGBA")), picture, orientation, reading))


def _refuse_lossy(path: Path, picture: Image.Image) -> None:
    if picture.format in ("JPEG", "MPO"):
        raise DataInvalid(f"{path} is a JPEG, which changes labels", expected="a lossless file", fix="save it as PNG")


def _require_palette(path: Path, picture: Image.Image) -> None:
    """Raise `DataInvalid` where pixels are indices of colours that are not there; as a label map it can be read."""
    if picture.mode == "P" and picture.palette is None:
        found = f"{path} holds indices of a palette, and no palette"
        raise DataInvalid(found, expected="the colours of its pixels", fix="export or copy the file again")


def _white_is_zero(picture: Image.Image) -> bool:
    """Whether this is a TIFF whose PhotometricInterpretation says that 0 is white."""
    return picture.format == "TIFF" and picture.tag_v2.get(262) == 0  # pyright: ignore[reportAttributeAccessIssue]


def _unsigned(picture: Image.Image) -> bool:
    """Whether this TIFF says that it holds 32 bits without a sign, or, as that is the default, says nothing."""
    bits, kinds = (picture.tag_v2.get(tag, (1,)) for tag in (258, 339))  # pyright: ignore[reportAttributeAccessIssue]
    return bits[0] == 32 and kinds[0] == 1


def _tiff_bits(picture: Image.Image) -> int:
    """Bits a sample of a TIFF that Pillow has read as grey."""
    bits = picture.tag_v2.get(258, (8,))  # pyright: ignore[reportAttributeAccessIssue]
    return bits[0] if bits[0] in (2, 4) else 8


_FROM_COLOURS = """convert it, for instance so:
    rgba = np.asarray(Image.open(file).convert("RGBA"))
    labels = np.full(rgba.shape[:2], 255, np.uint8)  # also where nothing is drawn, on transparent ground
    for index, colour in enumerate([(0, 0, 0), (128, 0, 0)]):  # the colour of each class
        labels[(rgba == (*colour, 255)).all(axis=2)] = index
    Image.fromarray(labels).save(file)"""
_FROM_TRANSPARENCY = """convert it, so that nothing is drawn where it is transparent:
    grey, opaque = np.moveaxis(np.asarray(Image.open(file)), 2, 0)
    Image.fromarray(np.where(opaque == 0, 255, grey).astype(np.uint8)).save(file)"""


def void_for(classes: int) -> int:
    """The number that stands for nothing in label maps of so many classes, counted from 0: 255, or 65535 in 16 bits."""
    return 255 if classes <= 255 else 65535


def write_labels(
    path: Path,
    labels: Int[np.ndarray, "H W"],
    void: int | None = 255,
    note: str = "",
    grey: bool = False,
    colors: UInt8[np.ndarray, "n 3"] | None = None,
) -> None:
    """Write a label map as a PNG, whole or not at all; `UNLABELED` becomes the value `void`.

    Up to 255 it is a palette PNG in the VOC colours, or in `colors`; above it is grey in 16 bits. `void` is `None`
    where every pixel has a label. A `note` is kept in the file, for `read_note`. Where palettes are read by their
    colours, it must be `grey`.

    Raises:
        DataInvalid: a label is `void`, or lies above 65535.
        WriteRefused: the file cannot be written.
    """
    nothing = labels == UNLABELED
    largest = max(int(labels.max(initial=0)), void if void is not None and nothing.any() else 0)
    strange = largest > 65535 or labels.min(initial=0) < UNLABELED
    if strange or (nothing.any() if void is None else (labels == void).any()):
        found = f"{path}: label {labels.max()} does not fit into a label map whose void is {void}"
        raise DataInvalid(found, expected="labels from 0 to 65535, and another value for void")
    values = labels if void is None else np.where(nothing, void, labels)
    if largest > 255:
        picture = Image.fromarray(values.astype(np.uint16))
    else:
        picture = Image.fromarray(values.astype(np.uint8))
        if not grey:
            picture.putpalette((palette(256) if colors is None else colors).tobytes())
    text = PngInfo()
    if note:
        text.add_text(_NOTE, note)
    write_whole(path, lambda partial: picture.save(partial, format="PNG", pnginfo=text))


_NOTE = "weakseg"


def read_note(path: Path) -> str:
    """The note that `write_labels` put into a file; empty where there is none, or no file that can be read."""
    try:
        with open_regular(path) as file, Image.open(file) as picture:
            return str(picture.info.get(_NOTE, ""))
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return ""


def palette(n: int) -> UInt8[np.ndarray, "n 3"]:
    """The colours of Pascal VOC: the bits of the class's index dealt in turn to red, green and blue, highest first."""
    index = np.arange(n)[:, None, None]
    bits = index >> (3 * np.arange(8)[:, None] + np.arange(3)) & 1
    return (bits << (7 - np.arange(8)[:, None])).sum(1).astype(np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """What Pillow makes of a file's header; nothing is decoded yet.

    Its own limit of pixels, which knows nothing of the memory there is, is lifted meanwhile.
    """
    with open_regular(path) as file:
        with _LIMIT_OF_PILLOW:
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(file)
            finally:
                Image.MAX_IMAGE_PIXELS = before
        with picture:
            yield picture


def _require_memory(path: Path, height: int, width: int, channels: int, needs: Needs) -> None:
    found = f"{path} is {width:,} wide and {height:,} high with {channels} channel{'s' * (channels > 1)}"
    require_memory(found, height * width * (needs.pixel + needs.value * channels))


def _read_pillow(
    path: Path, needs: Needs, prepare: Callable[[Image.Image], None] = lambda opened: None, fits: Fits = any_size
) -> tuple[Image.Image, int, str]:
    """The only image in a file, as Pillow lays it, its orientation and `packing`.

    `prepare` is called before it is decoded.
    """
    try:
        with _opened(path) as picture:
            # A phone's MPO is a JPEG with a preview or depth map behind the photo.
            pages = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
            if pages == 1:
                fits(picture.height, picture.width)
                grey = picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")
                _require_memory(path, picture.height, picture.width, 1 if grey else 3, needs)
                how = packing(picture)
                prepare(picture)
                # Pillow removes it from a TIFF that it turns while it loads it.
                orientation = orientation_in(picture.getexif())
                picture.load()
    except DataInvalid:
        raise
    except MemoryError as error:
        raise DataInvalid(f"{path} takes more memory than there is", fix=SMALLER) from error
    except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error ...
        raise DataInvalid(f"{path} cannot be read: {error}", fix="export or copy the file again") from error
    if pages > 1:
        raise DataInvalid(f"{path} holds {pages} pages", expected="one image a file", fix="save each page by itself")
    return picture, orientation, how  # pyright: ignore[reportPossiblyUnboundVariable]


def _needs_tifffile(path: Path) -> bool:
    """True for a TIFF that Pillow cannot open or would cut: 16-bit colour, many channels, channels on pages."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    try:
        with _opened(path) as picture:
            # BitsPerSample, SamplesPerPixel, ExtraSamples; an extra sample of kind 0 is no transparency but a channel.
            bits, samples, extra = (picture.tag_v2.get(tag) or (1,) for tag in (258, 277, 338))  # pyright: ignore
            samples = samples if isinstance(samples, int) else samples[0]
            cut = samples > 1 and (max(bits) > 8 or samples > 4 or extra[0] == 0)
            return cut or picture.n_frames > 1  # pyright: ignore
    except DataInvalid:
        return False
    except Exception:
        return True


def _read_tiff(
    path: Path, needs: Needs, fits: Fits = any_size
) -> tuple[Shaped[np.ndarray, "H W M"], int, Shaped[np.ndarray, "H W 1"] | None]:
    """All channels but transparency, as they are stored, the orientation, and the transparency if there is one."""
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
        raise DataInvalid(f"{path} takes more memory than there is", fix=SMALLER) from error
    except Exception as error:  # damaged files make tifffile raise TiffFileError, zlib.error, ValueError ...
        fix = "export or copy the file again, without compression"
        raise DataInvalid(f"{path} cannot be read: {error}", fix=fix) from error
    if values is None or axes not in ("YX", "YXS", "SYX", "CYX"):
        raise DataInvalid(
            f"{path} holds several pages (axes {axes})",
            expected="one image a file, its channels as samples of one page",
            fix="save each page by itself, or channels with tifffile.imwrite(file, array, planarconfig='separate')",
        )
    values = np.atleast_3d(values) if axes in ("YX", "YXS") else np.moveaxis(values, 0, -1)
    colours = values.shape[2] - len(extra)
    kept = [i for i in range(values.shape[2]) if i < colours or extra[i - colours] == 0]
    if len(kept) == values.shape[2]:
        return values, orientation, None
    opacity = next(i for i in range(values.shape[2]) if i not in kept)
    return values[:, :, kept], orientation, values[:, :, opacity : opacity + 1]
