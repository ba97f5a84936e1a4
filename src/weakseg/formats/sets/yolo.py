"""YOLO: one text file an image, with a class number and fractions of the image's sides a line.

Five numbers are a box, an odd number of seven or more a polygon. Nine are a polygon too, or a rotated box if no line of
the set has other corners. Names of classes, and the count of key points, are in a file beside or above.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.formats.sets.yolo_classes import YoloClasses, classes_above
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Box, Point, Polygon, Shape, turned_box

_FARTHEST = 2.0
"""Largest fraction of a side: objects reach beyond the image a little, and pixels are counted in larger numbers."""
_BOX, _ROTATED = 5, 9
"""Numbers of a line for a box, and for four corners."""


@dataclass(frozen=True)
class _Line:
    """The numbers of a line."""

    label: int
    numbers: tuple[float, ...]
    """Fractions, without the class."""
    place: str


def _claims(entry: Entry) -> bool:
    if entry.extension != ".txt" or entry.stem in ("classes", "obj"):
        return False
    lines = (line.split() for line in entry.text.splitlines() if line.strip())
    first = next(lines, None)
    if first is None:
        # An empty file says that an annotator saw nothing; others are only empty.
        return "labels" in entry.folder.split("/")
    return len(first) >= _BOX and all(_is_number(each) for each in first) and float(first[0]).is_integer()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    if not entries:
        return Annotations()
    ignored: list[Ignored] = []
    files: list[tuple[Entry, YoloClasses, list[_Line]]] = []
    classes_of = classes_above(entries[0].tree)
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            files.append((entry, classes_of(entry.folder), list(_lines(entry, ignored))))
    # Key points have their own count of numbers.
    # All files together: a single file of four-cornered polygons would look rotated.
    counts = {1 + len(line.numbers) for _, classes, lines in files if not classes.key_points for line in lines}
    # Four corners are a rotated box in one kind of YOLO file and a polygon in another. Polygons of a whole data set
    # that all have four corners hardly occur.
    rotated = _ROTATED in counts and counts <= {_BOX, _ROTATED}
    notes = [classes.note for _, classes, _ in files if classes.note]
    if rotated:
        notes.append("all YOLO lines with corners have four, so they are read as rotated boxes")
    images = tuple(_image(*file, rotated, sizes, ignored) for file in files)
    names = dict.fromkeys(name for _, classes, _ in files for name in classes.names.values())
    used = dict.fromkeys(name for _, classes, _ in files for name in classes.files)
    return Annotations(images, tuple(names), tuple(ignored), tuple(dict.fromkeys(notes)), tuple(used))


def _lines(entry: Entry, ignored: list[Ignored]) -> Iterator[_Line]:
    seen: set[str] = set()
    for number, text in enumerate(entry.text.splitlines(), start=1):
        words, place = text.split(), f"{entry.place}, line {number}"
        if not words:
            continue
        with noted(ignored, place, "line"):
            # Some exports repeat lines, and boxes that lie on each other would count as two objects.
            if text.strip() in seen:
                raise DataInvalid("it is there twice")
            seen.add(text.strip())
            # numpy's savetxt writes 0 as 0.000000000000000000e+00.
            if not float(words[0]).is_integer():
                raise DataInvalid(f"the class {words[0]} is no whole number")
            yield _Line(int(float(words[0])), tuple(map(float, words[1:])), place)


def _image(
    entry: Entry, classes: YoloClasses, lines: list[_Line], rotated: bool, sizes: Sizes, ignored: list[Ignored]
) -> ImageMarks:
    name = _name(entry, sizes)
    try:
        size = sizes(name)
        missing = f"there is no image called {name}, whose size its fractions are of"
    except DataInvalid as problem:
        size, missing = None, problem.found
    marks: list[Mark] = []
    for line in lines:
        with noted(ignored, line.place, "line"):
            if size is None:
                raise DataInvalid(missing)
            label = classes.name_of(line.label)
            shapes = _shapes(np.array(line.numbers), classes.key_points, rotated, np.array(size, float))
            marks += [Mark(label, shape, source=line.place) for shape in shapes]
    return ImageMarks(name, size, tuple(marks))


def _name(entry: Entry, sizes: Sizes) -> str:
    """The image of a text file: in images/ what the text is in labels/, or beside it."""
    folders = entry.folder.split("/")
    own = entry.folder + entry.stem
    if "labels" not in folders:
        return own
    last = len(folders) - 1 - folders[::-1].index("labels")
    mirrored = "/".join([*folders[:last], "images", *folders[last + 1 :]]) + entry.stem
    # images/ and labels/ mirror each other; the last folder called labels is the one, since a parent may be called so
    # too.
    return own if not is_known(mirrored, sizes) and is_known(own, sizes) else mirrored


def _shapes(
    numbers: Float[np.ndarray, " N"], key_points: tuple[int, int] | None, rotated: bool, size: Float[np.ndarray, "2"]
) -> Iterator[Shape]:
    count = 1 + len(numbers)
    if key_points is not None and count == _BOX + key_points[0] * key_points[1]:
        yield _box(numbers[:4], size)
        yield from _points(numbers[4:].reshape(key_points), size)
    elif count == _BOX:
        yield _box(numbers, size)
    elif count % 2 == 0:
        raise DataInvalid(f"{count} numbers, an even count: the last may be the confidence of a prediction")
    elif count < _BOX + 2:
        raise DataInvalid(f"{count} numbers, fewer than a box has")
    else:
        # Fractions of width and height, in the order x, y.
        corners = _fractions(numbers).reshape(-1, 2)[:, ::-1] * size
        yield turned_box(corners) if rotated else Polygon(((corners,),))


def _box(numbers: Float[np.ndarray, "4"], size: Float[np.ndarray, "2"]) -> Box:
    centre, sides = _fractions(numbers).reshape(2, 2)[:, ::-1] * size
    (top, left), (bottom, right) = (centre - sides / 2).tolist(), (centre + sides / 2).tolist()
    return Box(top, left, bottom, right)


def _points(numbers: Float[np.ndarray, "N D"], size: Float[np.ndarray, "2"]) -> Iterator[Point]:
    """Key points that are seen; those at the corner of the image were not marked."""
    for x, y, *seen in numbers.tolist():
        # With a third number 2 means visible; without one, (0, 0) is written for what was not marked.
        if (seen[0] == 2) if seen else (x, y) != (0, 0):
            row, column = (_fractions(np.array([y, x])) * size).tolist()
            yield Point(row, column)


def _fractions(numbers: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    if not (np.abs(numbers) <= _FARTHEST).all():
        raise DataInvalid(
            f"the number {numbers[np.abs(numbers).argmax()]:g}, where fractions of the image are expected"
        )
    return numbers


YOLO = Format("YOLO", _claims, _read)
