"""ilastik: the labels in a project (.ilp), or those exported as HDF5.

Labels lie in blocks, whose axes are in the order of the image's own; 0 is unlabelled.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Integer

from weakseg.arrays.kinds import WHOLE
from weakseg.errors import DataInvalid
from weakseg.formats.codes import RowRuns, run_lengths
from weakseg.formats.entry import Entry
from weakseg.formats.extras import needed
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Mask

_MOST_LABELS = 2**28
"""Most pixels of a block: a file of a few bytes may declare any number."""
_MOST_TEXT = 2**26
"""Most bytes of a text, or those of the file where it is larger."""
_HEAP = b"GCOL\1\0\0\0"
"""How a heap of texts begins."""
_EXPORTED = re.compile(r"[-_ ]labels$", re.IGNORECASE)


def _claims(entry: Entry) -> bool:
    if entry.extension not in (".ilp", ".h5", ".hdf5", ".hdf"):
        return False
    content = entry.content
    # Names of groups are plain text in such files.
    return content.startswith(b"\x89HDF\r\n\x1a\n") and (b"LabelSets" in content or b"exported_data" in content)


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    needed("h5py", "ilastik", f"{entries[0].place}, a project of ilastik," if entries else "projects of ilastik")
    ignored: list[Ignored] = []
    read = []
    for entry in entries:
        with noted(ignored, entry.place, "file"), _opened(entry) as file:
            read.append(_project(file, entry, sizes) if "PixelClassification" in file else _export(file, entry))
    return Annotations.joined([*read, Annotations(ignored=tuple(ignored))])


@contextmanager
def _opened(entry: Entry) -> Iterator[Any]:
    """The file; whatever h5py raises is a damaged one."""
    h5py = needed("h5py", "ilastik", "projects of ilastik")
    _require_ends(entry.content)
    with _reported(), h5py.File(BytesIO(entry.content), "r") as file:
        yield file


def _require_ends(content: bytes) -> None:
    """Refuse heaps of texts that have no end, and texts that say they are longer than a file.

    The HDF5 library walks the ones for ever, and takes memory for the others before it looks; it cannot be stopped.
    """
    at, heaps = content.find(_HEAP), dict[int, set[int]]()
    while at >= 0 and at + 16 <= len(content):
        (size,) = struct.unpack_from("<Q", content, at + 8)
        place, end, numbers = at + 16, min(at + size, len(content)), set[int]()
        while place + 16 <= end:
            index, _, _, length = struct.unpack_from("<HHIQ", content, place)
            # An object is followed by the next one; free space, which has no number, counts its own head.
            if index == 0 and length < 16:
                raise DataInvalid("damaged: a heap of texts has no end")
            numbers.add(index)
            place += length if index == 0 else 16 + -(-length // 8) * 8
        heaps[at] = numbers
        at = content.find(_HEAP, at + 4)
    _require_lengths(content, heaps)


def _require_lengths(content: bytes, heaps: Mapping[int, Set[int]]) -> None:
    """Refuse a text whose length is damaged."""
    # A text is told of by its length, the address of its heap and its number there; nothing says where these lie.
    # All heaps are looked for at once: a project of 64 MB with 64 of them took ten seconds one by one.
    addresses = np.array(sorted(heaps), np.uint64)
    for shift in range(4, 12):
        words = np.frombuffer(content, "<u8", max(0, len(content) - shift - 4) // 8, min(shift, len(content)))
        places = np.flatnonzero((words > 0) & (words < len(content)))
        for place in (shift + 8 * places[np.isin(words[places], addresses)]).tolist():
            length, heap, number = struct.unpack_from("<IQI", content, place - 4)
            if number and number in heaps[heap] and length > max(len(content), _MOST_TEXT):
                raise DataInvalid(f"damaged: a text of {length:,} bytes in a file of {len(content):,}")


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except DataInvalid:
        raise
    except Exception as error:  # damaged files make h5py raise OSError, RuntimeError, KeyError, ValueError ...
        raise DataInvalid(f"damaged: {str(error)[:80]}") from error


def _project(file: Any, entry: Entry, sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    names = [_text(name) for name in file["PixelClassification/LabelNames"][()]]
    lanes, sets = file["Input Data/infos"], file["PixelClassification/LabelSets"]
    images = []
    for lane in sorted(lanes):
        place = f"{entry.place}, {lane}"
        with noted(ignored, place, "image"), _reported():
            info, marks = lanes[lane]["Raw Data"], []
            blocks = sets.get(f"labels{int(lane.removeprefix('lane')):03}", {})
            for block in sorted(blocks):
                own = f"{place}, {block}"
                with noted(ignored, own, "block"), _reported():
                    marks += _marks(_labels(blocks[block], _axes(info), own, ignored), names, own, ignored)
            images.append(ImageMarks(_name(info, sizes), marks=tuple(marks)))
    return Annotations(tuple(images), tuple(dict.fromkeys(names)), tuple(ignored))


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _axes(info: Any) -> str:
    """The letters of the image's axes, in order."""
    if "axisorder" in info:
        return _text(info["axisorder"][()])
    return "".join(axis["key"] for axis in json.loads(_text(info["axistags"][()]))["axes"])


def _name(info: Any, sizes: Sizes) -> str:
    """The path of the image if it is known, else its name in the program; a path into an HDF5 file ends at the file."""
    path = re.sub(r"(\.(h5|hdf5|ilp|n5|zarr))/.*$", r"\1", _text(info["filePath"][()])) if "filePath" in info else ""
    nickname = _text(info["nickname"][()]) if "nickname" in info else ""
    if path and (is_known(path, sizes) or not nickname):
        return path
    if not nickname:
        raise DataInvalid("it has no name")
    return nickname


def _labels(block: Any, axes: str, place: str, ignored: list[Ignored]) -> tuple[int, int, Integer[np.ndarray, "H W"]]:
    """Top, left and labels of a block on the first slice; labels on others are counted."""
    spans = re.findall(r"(-?\d+):(-?\d+)", _text(block.attrs["blockSlice"]))
    starts, shape = [int(start) for start, _ in spans], tuple(int(stop) - int(start) for start, stop in spans)
    if block.shape != shape or len(axes) != len(shape) or not {"x", "y"} <= set(axes):
        raise DataInvalid(f"damaged: a block of shape {block.shape} with axes {axes[:10]!r} at {shape}")
    if np.prod(shape, dtype=float) > _MOST_LABELS:
        raise DataInvalid(f"a block of {np.prod(shape, dtype=float):.0f} pixels", expected=f"at most {_MOST_LABELS:,}")
    values = block[()]
    if values.dtype.kind not in WHOLE:
        raise DataInvalid(f"labels of the kind {values.dtype}")
    order = [axes.index("y"), axes.index("x"), *(at for at, axis in enumerate(axes) if axis not in "xy")]
    stack = values.transpose(order).reshape(*(shape[at] for at in order[:2]), -1)
    # The first slice of the block is that of the image only if the block begins there.
    first = all(starts[at] == 0 for at in order[2:])
    elsewhere = stack[:, :, 1:] if first else stack
    if elsewhere.any():
        ignored.append(Ignored(place, "labels", f"{int((elsewhere > 0).sum())} pixels lie on other slices of a stack"))
    return starts[order[0]], starts[order[1]], stack[:, :, 0] if first else np.zeros(stack.shape[:2], np.uint8)


def _marks(
    labels: tuple[int, int, Integer[np.ndarray, "H W"]], names: list[str], place: str, ignored: list[Ignored]
) -> Iterator[Mark]:
    top, left, values = labels
    for value in np.unique(values[values > 0]).tolist():
        with noted(ignored, place, "labels"):
            if value > len(names):
                raise DataInvalid(f"the label {value}, where {len(names)} have names")
            inside = values == value
            first, last = np.argwhere(inside).min(0).tolist(), np.argwhere(inside).max(0).tolist()
            patch = inside[first[0] : last[0] + 1, first[1] : last[1] + 1]
            code = RowRuns(np.array(run_lengths(patch.ravel())))
            mask = Mask(top + first[0], left + first[1], patch.shape[0], patch.shape[1], code)
            yield Mark(names[value - 1], mask, source=place)


def _export(file: Any, entry: Entry) -> Annotations:
    """What was exported as "Labels": numbers from 1 where an annotator drew."""
    values = file["exported_data"]
    if values.dtype.kind not in WHOLE:
        raise DataInvalid("probabilities, which the program predicted", expected="exported labels")
    axes = "".join(axis["key"] for axis in json.loads(_text(values.attrs["axistags"]))["axes"])
    ignored: list[Ignored] = []
    top, left, labels = _labels(_Whole(values), axes, entry.place, ignored)
    if not labels.any() and not ignored:
        raise DataInvalid("it holds no labels; ilastik exports them from its window, and without it writes zeros")
    if labels.all():
        raise DataInvalid("every pixel has a label, so it is a segmentation that the program predicted")
    names = [str(number) for number in range(1, min(int(labels.max()), 255) + 1)]
    marks = tuple(_marks((top, left, labels), names, entry.place, ignored))
    image = ImageMarks(entry.folder + _EXPORTED.sub("", entry.stem), marks=marks)
    note = "labels that ilastik exported have no names, so classes are called by their numbers"
    return Annotations((image,), (), tuple(ignored), (note,))


class _Whole:
    """A whole image, as the block that it is."""

    def __init__(self, values: Any):
        self.values, self.shape = values, values.shape
        self.attrs = {"blockSlice": ",".join(f"0:{side}" for side in values.shape)}

    def __getitem__(self, key: Any) -> np.ndarray:
        return self.values[key]


ILASTIK = Format("ilastik", _claims, _read, ignores_exif=True)
