"""DOTA: one text file an image, with four corners in pixels, the class and whether it is difficult on each line."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Box, from_xy, turned_box

_HEAD = ("imagesource:", "gsd:", "acquisition dates:")
"""Lines before the objects."""
_CORNERS = 8
_SLIP_PX = 1.0
"""How far corners of a rectangle may lie from where they should, since people click them."""


def _claims(entry: Entry) -> bool:
    if entry.extension != ".txt":
        return False
    first = next((text.split() for _, text in _lines(entry)), ())
    # YOLO's lines are numbers alone.
    return len(first) in (_CORNERS + 1, _CORNERS + 2) and _are_numbers(first[:8]) and not _are_numbers(first[8:9])


def _lines(entry: Entry) -> Iterator[tuple[int, str]]:
    """Lines of objects, with their number."""
    for number, text in enumerate(entry.text.splitlines(), start=1):
        if text.strip() and not text.lower().startswith(_HEAD):
            yield number, text


def _are_numbers(words: Sequence[str]) -> bool:
    try:
        return bool([float(word) for word in words])
    except ValueError:
        return False


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    skewed = 0
    for entry in entries:
        marks: list[Mark] = []
        for number, text in _lines(entry):
            place = f"{entry.place}, line {number}"
            with noted(ignored, place, "line"):
                words = text.split()
                if len(words) not in (_CORNERS + 1, _CORNERS + 2):
                    raise DataInvalid(f"{len(words)} words, where eight numbers and a class are expected")
                corners = from_xy(np.array([float(word) for word in words[:_CORNERS]]).reshape(4, 2).tolist())
                box = turned_box(corners)
                marks.append(Mark(words[_CORNERS], box, source=place))
                skewed += _apart(box, corners) > _SLIP_PX
        images.append(ImageMarks(entry.folder + entry.stem, marks=tuple(marks)))
    notes = [f"{skewed} of DOTA's four corners are no rectangles; the nearest ones were taken."] * bool(skewed)
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(notes))


def _apart(box: Box, corners: Float[np.ndarray, "4 2"]) -> float:
    """How far the corners of a box are from those in the file."""
    apart = np.linalg.norm(box.corners()[:, None] - corners, axis=2)
    return float(apart.min(0).max())


DOTA = Format("DOTA", _claims, _read)
