"""CVAT's segmentation masks: painted images beside `labelmap.txt`.

Classes are found by colour, never by number. A class called background is one as any other.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BytesIO

import numpy as np
from jaxtyping import Int

from weakseg.arrays.memory import require_memory
from weakseg.data.images.stored import header_of
from weakseg.errors import DataInvalid
from weakseg.formats.codes import RowRuns, run_lengths
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.formats.tree import Tree
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Mask

_MAP, _MASKS = "labelmap.txt", "SegmentationClass/"
_BYTES_A_PIXEL = 40


def _claims(entry: Entry) -> bool:
    if entry.name.rpartition("/")[2] == _MAP:
        return any(len(line.split(":")) == 4 for line in _lines(entry))
    root = _root(entry)
    return root is not None and f"{root}{_MAP}" in _names(entry.tree)


def _root(entry: Entry) -> str | None:
    """The folder of the export that a mask lies in; `None` if it is no mask."""
    before, folder, _ = f"/{entry.name}".rpartition(f"/{_MASKS}")
    return f"{before}/".removeprefix("/") if folder and entry.extension == ".png" else None


@lru_cache(maxsize=1)
def _names(tree: Tree) -> frozenset[str]:
    return frozenset(tree.names)


def _lines(entry: Entry) -> list[str]:
    lines = (line.strip() for line in entry.text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    _names.cache_clear()
    return Annotations.joined(
        _export(entry, [each for each in entries if _root(each) == entry.folder], sizes)
        for entry in entries
        if entry.name.rpartition("/")[2] == _MAP
    )


def _export(declared: Entry, masks: list[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    classes = dict(_classes(declared, ignored))
    images = []
    for entry in masks:
        with noted(ignored, entry.place, "mask"):
            images.append(_image(entry, classes, sizes, ignored))
    # Lists of images.
    used = [name for name in declared.tree.names if name.startswith(f"{declared.folder}ImageSets/")]
    return Annotations(tuple(images), tuple(dict.fromkeys(classes.values())), tuple(ignored), used=tuple(used))


def _classes(entry: Entry, ignored: list[Ignored]) -> Iterator[tuple[int, str]]:
    """Colours, as numbers, and names of classes."""
    seen: dict[int, str] = {}
    for line in _lines(entry):
        with noted(ignored, f"{entry.place}, line {line[:60]!r}", "class"):
            # A name may hold colons: colour, parts and actions are the last three.
            name, colour, *_ = line.rsplit(":", 3)
            require_name(name)
            red, green, blue = (int(value) for value in colour.split(","))
            if not all(0 <= value <= 255 for value in (red, green, blue)):
                raise DataInvalid(f"the colour {colour}", expected="three numbers of 0 to 255")
            number = red << 16 | green << 8 | blue
            if seen.setdefault(number, name) != name:
                raise DataInvalid(f"it has the colour of '{seen[number]}'")
            yield number, name


def _image(entry: Entry, classes: dict[int, str], sizes: Sizes, ignored: list[Ignored]) -> ImageMarks:
    name = entry.name.rpartition(f"{_MASKS}")[2].rpartition(".")[0]
    colours = _colours(entry, sizes(name) if is_known(name, sizes) else None)
    height, width = colours.shape
    found, first, counts = np.unique(colours, return_index=True, return_counts=True)
    marks = []
    for colour, at, count in zip(found.tolist(), first.tolist(), counts.tolist(), strict=True):
        row, column = divmod(at, width)
        if colour in classes:
            code = RowRuns(np.array(run_lengths((colours == colour).ravel()), np.int64))
            marks.append(Mark(classes[colour], Mask(0, 0, height, width, code), source=entry.place))
        else:
            shown = ",".join(str(colour >> shift & 255) for shift in (16, 8, 0))
            reason = f"no class has the colour {shown} of {count:,} pixels, the first at row {row}, column {column}"
            ignored.append(Ignored(entry.place, "colour", reason))
    return ImageMarks(name, (height, width), tuple(marks))


def _colours(entry: Entry, size: tuple[int, int] | None) -> Int[np.ndarray, "H W"]:
    """The colour of each pixel as a number."""
    try:
        with header_of(BytesIO(entry.content)) as image:
            if size not in (None, (image.height, image.width)):
                found = f"a mask {image.width} wide and {image.height} high"
                raise DataInvalid(f"{found} of an image {size[1]} wide and {size[0]} high")
            require_memory(entry.place, image.height * image.width * _BYTES_A_PIXEL)
            values = np.asarray(image.convert("RGB")).astype(np.int64)
    except DataInvalid:
        raise
    except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error ...
        raise DataInvalid(f"a damaged image: {str(error)[:80]}") from error
    return values[:, :, 0] << 16 | values[:, :, 1] << 8 | values[:, :, 2]


CVAT_MASKS = Format("CVAT segmentation mask", _claims, _read, ignores_exif=False)
