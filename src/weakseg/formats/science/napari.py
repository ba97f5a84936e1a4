"""napari: tables of shapes and of points, as CSV.

Rows come before columns, and whole numbers are centres of pixels. Shapes have no class in the file: the name of the
file is the class in a folder named like the image, and the name of the folder is the class of a file named like the
image.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Ellipse, Line, Point, Polygon, Shape, turned_box

_CLASS = ("label", "class", "class_name", "name", "category", "type")
"""Columns that hold a class, the most likely first."""


@dataclass(frozen=True)
class _Table:
    """A table, row by row."""

    columns: tuple[str, ...]
    rows: list[list[str]]

    def axes(self) -> list[int]:
        """Where the coordinates are, the slices of stacks first."""
        numbered = {name: index for index, name in enumerate(self.columns) if name.startswith("axis-")}
        return [numbered[name] for name in sorted(numbered, key=lambda name: (len(name), name))]

    def class_column(self) -> int | None:
        """Where the classes are; `None` if the table has none."""
        return next((self.columns.index(name) for name in _CLASS if name in self.columns), None)


def _claims(entry: Entry) -> bool:
    if entry.extension not in (".csv", ".txt"):
        return False
    first = entry.content[:2000].removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    return b"axis-0" in first and b"axis-1" in first


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            table, (name, label) = _table(entry), _names(entry, sizes)
            shaped = {"shape-type", "vertex-index"} <= {*table.columns}
            marks = (_shapes if shaped else _points)(table, label, entry.place, ignored)
            images.append(ImageMarks(name, marks=tuple(marks)))
    return Annotations(tuple(images), ignored=tuple(ignored))


def _table(entry: Entry) -> _Table:
    text = entry.text
    first = text.partition("\n")[0]
    try:
        # Spreadsheets of some countries save with semicolons.
        rows = list(csv.reader(text.splitlines(), delimiter=";" if first.count(";") > first.count(",") else ","))
    except csv.Error as error:
        raise DataInvalid(f"damaged table: {error}") from error
    return _Table(tuple(name.strip().lower() for name in rows[0]), [row for row in rows[1:] if any(row)])


def _names(entry: Entry, sizes: Sizes) -> tuple[str, str]:
    """The image and the class that a file's place states."""
    folder = entry.folder.rstrip("/")
    inner = folder.rpartition("/")[2] or entry.tree.place.stem
    if is_known(entry.folder + entry.stem, sizes):
        return entry.folder + entry.stem, inner
    if folder and is_known(folder, sizes):
        return folder, entry.stem
    # image_class.csv, or image-class.csv; either may have such a letter within.
    for at in range(len(entry.stem) - 2, 0, -1):
        if entry.stem[at] in "_-" and is_known(entry.folder + entry.stem[:at], sizes):
            return entry.folder + entry.stem[:at], entry.stem[at + 1 :]
    return entry.folder + entry.stem, inner


def _number(text: str) -> float:
    return float(text.strip().replace(",", "."))


def _place(row: list[str], axes: list[int]) -> tuple[float, float]:
    """Row and column in edge coordinates."""
    # Rows and columns are the last two axes, whatever comes before them.
    *stack, down, across = (_number(row[axis]) for axis in axes)
    if slices := [number for number in stack if round(number)]:
        raise DataInvalid(f"it lies on slice {slices[0]:g} of a stack")
    return down + 0.5, across + 0.5


def _label(row: list[str], column: int | None, otherwise: str) -> str:
    return (row[column].strip() if column is not None else "") or otherwise


def _points(table: _Table, label: str, place: str, ignored: list[Ignored]) -> Iterator[Mark]:
    axes, column = table.axes(), table.class_column()
    for number, row in enumerate(table.rows, start=1):
        own = f"{place}, point {number}"
        with noted(ignored, own, "point"):
            yield Mark(_label(row, column, label), Point(*_place(row, axes)), source=own)


def _shapes(table: _Table, label: str, place: str, ignored: list[Ignored]) -> Iterator[Mark]:
    axes, column = table.axes(), table.class_column()
    index, kind = table.columns.index("index"), table.columns.index("shape-type")
    shapes: dict[str, list[list[str]]] = {}
    for row in table.rows:
        shapes.setdefault(row[index] if len(row) > index else "", []).append(row)
    for number, rows in shapes.items():
        own = f"{place}, shape {number}"
        with noted(ignored, own, rows[0][kind] if len(rows[0]) > kind else "shape"):
            vertices = np.array([_place(row, axes) for row in rows])
            yield Mark(_label(rows[0], column, label), _shape(rows[0][kind].strip(), vertices), source=own)


def _shape(kind: str, vertices: Float[np.ndarray, "N 2"]) -> Shape:
    if kind not in _SHAPES:
        raise DataInvalid(f"the kind '{kind[:40]}' is unknown")
    return _SHAPES[kind](vertices)


def _ellipse(vertices: Float[np.ndarray, "N 2"]) -> Ellipse:
    """The ellipse in a box, whose corners are stored."""
    box = turned_box(vertices)
    middle = ((box.top + box.bottom) / 2, (box.left + box.right) / 2)
    return Ellipse(*middle, (box.bottom - box.top) / 2, (box.right - box.left) / 2, box.degrees)


_SHAPES: dict[str, Callable[[np.ndarray], Shape]] = {
    "polygon": lambda vertices: Polygon(((vertices,),)),
    "path": Line,
    "line": Line,
    "rectangle": turned_box,
    "ellipse": _ellipse,
}

NAPARI = Format("napari", _claims, _read, ignores_exif=True)
