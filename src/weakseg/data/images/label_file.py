"""Label maps read from files and written to them."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped, UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import TiffImageFile

from weakseg.arrays.kinds import COUNTS
from weakseg.classes import UNLABELED
from weakseg.data.images.colours import numbers_of
from weakseg.data.images.deep_png import png_bits
from weakseg.data.images.orientation import turned
from weakseg.data.images.stored import (
    LABELS,
    USUAL,
    Fits,
    Reading,
    any_size,
    laid,
    needs_tifffile,
    opened,
    read_pillow,
    read_tiff,
    require_palette,
    white_is_zero,
)
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.files.whole_file import write_whole


def read_labels(path: Path, reading: Reading = USUAL, fits: Fits = any_size) -> Int[np.ndarray, "H W"]:
    """The values of a label map, rotated like its image.

    They are palette indices or grey values, unchanged. What `fits` raises about the size is raised before memory is
    allocated.

    Raises:
        DataInvalid: the file is missing, damaged, lossy, coloured, or does not hold whole numbers.
    """
    if not needs_tifffile(path):
        return _values_of(path, reading, *read_pillow(path, LABELS, fits=fits))
    values, orientation, _ = read_tiff(path, LABELS, fits)
    return _one_number(path, turned(values, orientation) if reading.upright else values)


def read_values_or_colours(
    path: Path, palettes: bool, reading: Reading = USUAL, fits: Fits = any_size
) -> Int[np.ndarray, "H W"]:
    """Colours of a painted label map, values of any other.

    As `read_colours` or `read_labels` give them, but the file is opened once. Colours of a palette count if `palettes`
    is true.

    Raises:
        DataInvalid: as those do.
    """
    if needs_tifffile(path):
        return read_labels(path, reading, fits)
    picture, orientation, how = read_pillow(path, LABELS, fits=fits)
    painted = picture.mode in (("RGB", "RGBA", "P") if palettes else ("RGB", "RGBA"))
    return (_colours_of if painted else _values_of)(path, reading, picture, orientation, how)


def _values_of(
    path: Path, reading: Reading, picture: Image.Image, orientation: int, how: str
) -> Int[np.ndarray, "H W"]:
    values = laid(np.atleast_3d(np.asarray(picture)), picture, orientation, reading)
    # JPEG changes numbers by a few, which are then other classes.
    _refuse_lossy(path, picture)
    labels, stretch = _one_number(path, values), 1
    if picture.mode in ("1", "L"):
        # Pillow stretches grey values of 2 or 4 bits to 0..255, and inverts them where 0 means white.
        bits = _tiff_bits(picture) if isinstance(picture, TiffImageFile) else png_bits(how)
        stretch = 255 // (2**bits - 1) if picture.mode == "L" else 1
        labels = _one_number(path, np.invert(values)) if white_is_zero(picture) else labels
    if stretch > 1:
        labels //= stretch
    return labels


def _one_number(path: Path, values: Shaped[np.ndarray, "H W M"]) -> Int[np.ndarray, "H W"]:
    """The single integer channel of a label map."""
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
    if values.dtype.kind not in COUNTS:
        found, fix = f"{path} holds {values.dtype} values", f"save it as a PNG of whole numbers: {_WHOLE}"
        raise DataInvalid(found, expected="whole numbers, one for each class", fix=fix)
    # Signed and wide, so that -1 and 65535 are both themselves.
    return values[:, :, 0].astype(np.int32)


def holds_colours(path: Path) -> bool:
    """Whether a label map is painted, other than by palette.

    False if it cannot be read, or its colours have more than 8 bits: `read_labels` then reports the problem.
    """
    try:
        with opened(path) as picture:
            return picture.mode in ("RGB", "RGBA") and not needs_tifffile(path)
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return False


def same_indices(paths: Sequence[Path], known: Collection[int]) -> bool:
    """Whether files are palettes whose indices may be class numbers.

    The indices must be `known`, and mean the same colour in all files: paint programs put colours into the order in
    which they occur, and such indices mean nothing.
    """
    meaning: dict[int, int] = {}
    for path in paths:
        try:
            picture, orientation, how = read_pillow(path, LABELS)
            if picture.mode != "P" or picture.palette is None:
                return False
            indices, colours = (
                read(path, USUAL, picture, orientation, how).ravel() for read in (_values_of, _colours_of)
            )
        except DataInvalid:
            return False
        each, first = np.unique(indices, return_index=True)
        pairs = dict(zip(each.tolist(), colours[first].tolist(), strict=True))
        if not {*each.tolist()} <= {*known} or any(meaning.setdefault(i, c) != c for i, c in pairs.items()):
            return False
    return True


def read_colours(path: Path, reading: Reading = USUAL) -> Int[np.ndarray, "H W"]:
    """The colour numbers of a painted label map.

    They are those of `data/images/colours.py`; the map is rotated like its image.

    Raises:
        DataInvalid: the file is missing, damaged or lossy.
    """
    return _colours_of(path, reading, *read_pillow(path, LABELS))


def _colours_of(
    path: Path, reading: Reading, picture: Image.Image, orientation: int, how: str
) -> Int[np.ndarray, "H W"]:
    _refuse_lossy(path, picture)
    require_palette(path, picture)
    return numbers_of(laid(np.asarray(picture.convert("RGBA")), picture, orientation, reading))


def _refuse_lossy(path: Path, picture: Image.Image) -> None:
    if picture.format in ("JPEG", "MPO"):
        raise DataInvalid(f"{path} is a JPEG, which changes labels", expected="a lossless file", fix="save it as PNG")


def _tiff_bits(picture: Image.Image) -> int:
    """Bits per sample of a grey TIFF that Pillow reads."""
    bits = picture.tag_v2.get(258, (8,))  # pyright: ignore[reportAttributeAccessIssue]
    return bits[0] if bits[0] in (2, 4) else 8


_WHOLE = "`PIL.Image.fromarray(numpy.rint(numpy.real(labels)).astype(numpy.uint8)).save(name)`"


_FROM_COLOURS = """convert it, for instance with this code:
    rgba = np.asarray(Image.open(file).convert("RGBA"))
    labels = np.full(rgba.shape[:2], 255, np.uint8)  # unlabelled pixels, transparent ones among them
    for index, colour in enumerate([(0, 0, 0), (128, 0, 0)]):  # the colour of each class
        labels[(rgba == (*colour, 255)).all(axis=2)] = index
    Image.fromarray(labels).save(file)"""


_FROM_TRANSPARENCY = """convert it, so that transparent pixels are unlabelled:
    grey, opaque = np.moveaxis(np.asarray(Image.open(file)), 2, 0)
    Image.fromarray(np.where(opaque == 0, 255, grey).astype(np.uint8)).save(file)"""


def void_for(classes: int) -> int:
    """The void value of label maps with so many classes.

    Classes count from 0; the value is 255, or 65535 in 16 bits.
    """
    return 255 if classes <= 255 else 65535


def require_png(path: Path) -> None:
    """Raise `DataInvalid` unless a file is named *.png.

    Under another name the next program would not read a PNG, or would save it again with loss.
    """
    if path.suffix.lower() != ".png":
        raise DataInvalid(
            f"{path} is not the name of a PNG file",
            expected="a name that ends in .png: label maps are written as PNG, which keeps every number",
            fix=f"name it {path.stem or 'mask'}.png",
        )


def write_labels(
    path: Path,
    labels: Int[np.ndarray, "H W"],
    void: int | None = 255,
    note: str = "",
    grey: bool = False,
    colors: UInt8[np.ndarray, "n 3"] | None = None,
) -> None:
    """Write a label map as a PNG, atomically.

    `UNLABELED` becomes the value `void`, which is `None` if every pixel has a label. Labels up to 255 give a palette
    PNG in the VOC colours, or in `colors`; larger ones give a grey PNG of 16 bits. A `note` is stored in the file, for
    `read_note`. If palettes are read by their colours, the file must be `grey`.

    Raises:
        DataInvalid: a label is `void`, or lies above 65535; the file is not named *.png.
        WriteRefused: the file cannot be written.
    """
    require_png(path)
    nothing = labels == UNLABELED
    largest = max(int(labels.max(initial=0)), void if void is not None and nothing.any() else 0)
    strange = largest > 65535 or labels.min(initial=0) < UNLABELED
    if strange or (nothing.any() if void is None else (labels == void).any()):
        found = f"{path}: label {labels.max()} cannot be saved where {void} marks void pixels"
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
    # The format is named, because the temporary file has no extension to tell it.
    write_whole(path, lambda partial: picture.save(partial, format="PNG", pnginfo=text))


_NOTE = "weakseg"


def read_note(path: Path) -> str:
    """The note that `write_labels` stored in a file.

    Empty if there is none, or the file cannot be read.
    """
    try:
        with open_regular(path) as file, Image.open(file) as picture:
            return str(picture.info.get(_NOTE, ""))
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return ""


def palette(n: int) -> UInt8[np.ndarray, "n 3"]:
    """The colours of Pascal VOC.

    The bits of the class index are distributed over red, green and blue in turn, highest first.
    """
    index = np.arange(n)[:, None, None]
    bits = index >> (3 * np.arange(8)[:, None] + np.arange(3)) & 1
    return (bits << (7 - np.arange(8)[:, None])).sum(1).astype(np.uint8)
