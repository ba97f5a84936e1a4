"""Weak labels in tables: tags.csv, sizes.csv, boxes.csv and clicks.csv.

Each reader returns the labels of each image, in the merged classes, and the problems of each row; it raises nothing, so
that a check can list the problems of all files at once. An image without a row is unlabelled.
"""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from io import StringIO
from pathlib import Path
from unicodedata import normalize

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.folder.legend import Legend
from weakseg.data.images.image_file import EXTENSIONS
from weakseg.data.sample import Stroke
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.regular_file import read_text
from weakseg.types import ABSENT, PRESENT, UNTOLD

Cells = dict[str, str]
Problems = list[WeaksegError]


def read_tags(path: Path, legend: Legend, keys: Collection[str]) -> tuple[dict[str, Int[np.ndarray, " C"]], Problems]:
    """Tags of each image, by class.

    They are `PRESENT`, `ABSENT` or `UNTOLD`. The columns are image, present, absent; names are separated by ';'. A
    merged class is present if any of its parts is, and absent if all of them are.
    """
    said: dict[str, dict[int, int]] = defaultdict(dict)

    def note(key: str, cells: Cells):
        for column, tag in (("present", PRESENT), ("absent", ABSENT)):
            for name in filter(None, (part.strip() for part in cells[column].split(";"))):
                # An image may have several rows, as long as they agree.
                if said[key].setdefault(_index_of_one(legend, name), tag) != tag:
                    raise DataInvalid(f"'{name}' is both present and absent in {key}")

    def tags(of: dict[int, int]):
        told = np.full(len(legend.becomes), UNTOLD)
        told[list(of)] = list(of.values())
        return merged_tags(told, legend)

    problems = each_row(path, ("image", "present", "absent"), keys, note)
    return {key: tags(of) for key, of in said.items()}, problems


def merged_tags(told: Int[np.ndarray, " D"], legend: Legend) -> Int[np.ndarray, " C"]:
    """Tags of the merged classes, from those of the declared ones."""
    becomes = np.array(legend.becomes, int)
    present, all_absent = np.zeros(len(legend.classes), bool), np.ones(len(legend.classes), bool)
    present[becomes[told == PRESENT]] = True
    # One part that is untold keeps the merged class untold.
    all_absent[becomes[told != ABSENT]] = False
    return np.where(present, PRESENT, np.where(all_absent, ABSENT, UNTOLD))


def _index_of_one(legend: Legend, name: str) -> int:
    """The index of a class name.

    Several names with a separator other than ; are a problem of their own.
    """
    parts = [part.strip() for part in re.split(r"[,|/+\s]+", name)]
    if name not in legend.declared and len(parts) > 1 and {*parts} <= {*legend.declared}:
        found, fix = f"'{name}' is {len(parts)} classes", f"write '{';'.join(parts)}'"
        raise DataInvalid(found, expected="names separated by ;", fix=fix)
    return legend.index(name)


def read_sizes(
    path: Path, legend: Legend, keys: Collection[str]
) -> tuple[dict[str, Float[np.ndarray, "C 2"]], Problems]:
    """Smallest and largest size of each class, by image.

    Sizes are fractions in [0, 1]. The columns are image, class, min, max; an empty min means 0 and an empty max 1.
    Bounds of merged classes add up.
    """
    said: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)

    def note(key: str, cells: Cells):
        label = legend.index(cells["class"])
        smallest, largest = number_in(cells, "min", empty=0.0), number_in(cells, "max", empty=1.0)
        if not 0 <= smallest <= largest <= 1:
            found = f"size of '{cells['class']}' from {smallest:g} to {largest:g}"
            raise DataInvalid(found, expected="fractions of the image, 0 <= min <= max <= 1 (30 % is 0.3)")
        if label in said[key]:
            raise DataInvalid(f"a second size of '{cells['class']}' in {key}", expected="one row per image and class")
        said[key][label] = smallest, largest

    def areas(of: dict[int, tuple[float, float]]):
        bounds = np.tile([0.0, 1.0], (len(legend.declared), 1))
        bounds[list(of)] = list(of.values())
        total = np.zeros((len(legend.classes), 2))
        # `add.at`, because several classes become one, and a plain sum by index would keep the last.
        np.add.at(total, list(legend.becomes), bounds)
        return total.clip(0, 1)

    problems = each_row(path, ("image", "class", "min", "max"), keys, note)
    return {key: areas(of) for key, of in said.items()}, problems


def read_boxes(
    path: Path, legend: Legend, keys: Collection[str]
) -> tuple[dict[str, Float[np.ndarray, "_ 5"]], Problems]:
    """Boxes (class, top, left, bottom, right) of each image.

    The columns are image, class, left, top, right, bottom. Pixels are counted from 0; right and bottom are the first
    column and row outside the box.
    """
    said: dict[str, list[list[float]]] = defaultdict(list)

    def note(key: str, cells: Cells):
        label = legend.becomes[legend.index(cells["class"])]
        left, top, right, bottom = (number_in(cells, side) for side in ("left", "top", "right", "bottom"))
        if not (left < right and top < bottom):
            found = f"box from column {left:g} to {right:g} and row {top:g} to {bottom:g} is empty"
            raise DataInvalid(found, expected="left < right and top < bottom")
        said[key].append([label, top, left, bottom, right])

    problems = each_row(path, ("image", "class", "left", "top", "right", "bottom"), keys, note)
    return {key: np.array(rows, float) for key, rows in said.items() if rows}, problems


def read_clicks(path: Path, legend: Legend, keys: Collection[str]) -> tuple[dict[str, tuple[Stroke, ...]], Problems]:
    """Clicks of each image, as strokes of one pixel.

    The columns are image, class, x, y: the column and row of a pixel, from 0.
    """
    said: dict[str, list[Stroke]] = defaultdict(list)

    def note(key: str, cells: Cells):
        label = legend.becomes[legend.index(cells["class"])]
        point = np.array([[number_in(cells, "y"), number_in(cells, "x")]])
        said[key].append(Stroke(label, point, width_px=1.0))

    problems = each_row(path, ("image", "class", "x", "y"), keys, note)
    return {key: tuple(strokes) for key, strokes in said.items()}, problems


def each_row(
    path: Path, columns: tuple[str, ...], keys: Collection[str], note: Callable[[str, Cells], None]
) -> Problems:
    """Pass each row to `note`, and return the problems.

    `note` gets the image's key and the cells. Problems concern rows, or the whole file.
    """
    problems: Problems = []
    try:
        text = normalize("NFC", read_text(path))
        # Strict: a quote that is never closed would otherwise swallow the rest of the table.
        rows = csv.reader(StringIO(text), skipinitialspace=True, strict=True)
        # Spreadsheets capitalise headers.
        header = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in columns if name not in header]:
            found = f"{path} has no column {', '.join(missing)} (its first line: {', '.join(header)})"
            expected = f"the first line {','.join(columns)}, and commas between cells"
            raise DataInvalid(found, expected=expected, fix=_mend_of_header(header, columns))
        if twice := [name for name in columns if header.count(name) > 1]:
            found, expected = f"{path} has several columns {', '.join(twice)}", "one column per name"
            raise DataInvalid(found, expected=expected, fix="remove or rename all but one of them")
        for row in rows:
            if not any(map(str.strip, row)):
                continue  # spreadsheets leave empty rows at the end, with commas and without
            try:
                cells = _cells(header, row)
                note(find_key(cells["image"], keys), cells)
            except DataInvalid as problem:
                # The reader's own count: quoted cells may run over several lines.
                problems.append(problem.at(f"{path}, line {rows.line_num}"))
    except csv.Error as error:
        problems.append(DataInvalid(f"{path} is not a table of comma-separated values: {error}"))
    except DataInvalid as problem:
        problems.append(problem)
    return problems


def _mend_of_header(header: list[str], columns: tuple[str, ...]) -> str:
    apart = next(
        (mark for mark in (";", "\t", "|") if all(name in ",".join(header) for name in (mark, *columns))), None
    )
    if apart is None:
        return f"add a first line with the column names: {','.join(columns)}"
    name = "tabs" if apart == "\t" else f"'{apart}'"
    return f"save the table with commas instead of {name}, and with decimal points"


def _cells(header: list[str], row: list[str]) -> Cells:
    if len(row) != len(header):
        raise DataInvalid(f"{len(row)} cells", expected=f"{len(header)}, as in the first line: {','.join(header)}")
    # An image's name may begin or end with spaces, which quotes preserve.
    return {name: cell if name == "image" else cell.strip() for name, cell in zip(header, row, strict=True)}


def find_key(name: str, keys: Collection[str]) -> str:
    """The key of an image given by key or file name.

    Surrounding spaces are ignored.

    Raises:
        DataInvalid: there is no such image.
    """
    if name in keys:
        return name
    for given in (normalize("NFC", name), normalize("NFC", name).strip()):
        # With or without its extension; a key may hold a point itself, so the whole name comes first.
        stem, dot, extension = given.rpartition(".")
        if given in keys:
            return given
        if stem in keys and dot + extension.lower() in EXTENSIONS:
            return stem
    if "\\" in name:
        return find_key(name.replace("\\", "/"), keys)
    name, expected = name.strip(), "the name of a file in images/, with or without its extension"
    _, slash, last = name.rpartition("/")
    try:
        fix = f"if that image is meant, write '{find_key(last, keys)}', without the folder" if slash else ""
    except DataInvalid:
        fix = ""
    raise DataInvalid(f"no image '{name}'", expected=expected, fix=fix)


def number_in(cells: Cells, column: str, empty: float | None = None) -> float:
    """The number in a cell, or the value `empty`.

    Raises `DataInvalid` if there is neither.
    """
    if cells[column] == "" and empty is not None:
        return empty
    try:
        value = float(cells[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataInvalid(f"{column} is '{cells[column]}'", expected="a number, with a decimal point")
    return value


def table_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as text; the first column is the image's key."""
    # Quotes preserve spaces at the ends of an image's name.
    spaced = any(str(row[0]) != str(row[0]).strip() for row in rows)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if spaced else csv.QUOTE_MINIMAL)
    writer.writerows([header, *rows])
    return text.getvalue()


READERS = {"tags.csv": read_tags, "sizes.csv": read_sizes, "boxes.csv": read_boxes, "clicks.csv": read_clicks}
"""Reader of each table, by file name."""
