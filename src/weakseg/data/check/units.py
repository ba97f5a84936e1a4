"""Boxes and clicks in other units than pixels.

They may be fractions of the image, percent, or sizes instead of corners. A single row does not show it, but a whole
table does: no annotator draws every box smaller than a pixel, or clicks in the upper left corner of every image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.data.folder.tables import Cells, each_row, number_in
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.finding import Finding, findings_of

BOX, CLICK = ("left", "top", "right", "bottom"), ("x", "y")
_CHANCE = 1e-6
"""Largest probability that pixels look like percent by chance."""
_SLACK = 1e-3
"""Tolerance for rounding of fractions."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of a table, row by row."""

    numbers: Float[np.ndarray, "N K"]
    """Columns left, top, right and bottom of boxes, or x and y of clicks, as in the file."""
    images: Int[np.ndarray, " N"]
    """Index of each row's image."""
    sizes: Float[np.ndarray, "N 2"]
    """Size (width, height) of each row's image."""


def findings_of_units(inventory: Inventory, looks: Looks) -> list[Finding]:
    """Findings about boxes and clicks that are not in pixels."""
    found = []
    for name, columns, judge in (("boxes.csv", BOX, unit_of_boxes), ("clicks.csv", CLICK, unit_of_clicks)):
        if name in inventory.tables and inventory.judged:
            problem = judge(_measured(inventory.root / name, columns, looks))
            found += findings_of(problem, inventory.root / name, "") if problem else []
    return found


def unit_of_boxes(said: Measured) -> DataInvalid | None:
    """The error for boxes in a wrong unit, if any."""
    rows, sizes = said.numbers, said.sizes
    if not len(rows) or sizes.min() <= 2 or rows.min() < -_SLACK:
        return None
    begins, ends = rows[:, :2], rows[:, 2:]
    corners = np.asarray((ends > begins).all(1))
    if rows.max() <= 1 + _SLACK:
        return _not_pixels("boxes", said, 1, corners)
    if _like_percent(said, np.maximum(begins, ends), begins + ends):
        return _not_pixels("boxes", said, 100, corners)
    wrong = int((~corners).sum())
    if wrong >= max(2, len(rows) / 5) and (begins + ends <= sizes + _SLACK).all():
        return DataInvalid(
            f"{wrong} of {len(rows)} boxes end before they begin, and all would fit into their images as x, y, width"
            " and height",
            expected="left, top, right, bottom: two corners",
            fix=f"{_FROM_SIZES} (the two columns contain width and height now)",
        )
    return None


def unit_of_clicks(said: Measured) -> DataInvalid | None:
    """The error for clicks in a wrong unit, if any."""
    points = said.numbers
    if len(points) < 2 or said.sizes.min() <= 2 or points.min() < -_SLACK:
        return None
    if points.max() <= 1 + _SLACK:
        return _not_pixels("clicks", said, 1) if (points % 1).any() else None
    return _not_pixels("clicks", said, 100) if _like_percent(said, points, 2 * points) else None


def _not_pixels(
    what: str, said: Measured, whole: int, corners: Bool[np.ndarray, " N"] | None = None
) -> DataInvalid | None:
    """The error for a table in fractions or percent.

    `whole` is 1 or 100; `None` if no conversion fits.
    """
    of = "the image's width" if whole == 1 else "the image's width / 100"
    down = of.replace("width", "height")
    if what == "clicks":
        fix = f"multiply x by {of} and y by {down}, and leave out the decimals"
    elif corners is not None and corners.all():
        fix = f"multiply left and right by {of}, top and bottom by {down}"
    elif form := _sizes_or_centres(said.numbers, whole):
        fix = f"{form}; then multiply left and right by {of}, top and bottom by {down}"
    else:
        return None
    unit = "fractions of the image" if whole == 1 else "percent of the image"
    largest = f"all numbers of the {len(said.numbers)} {what} lie between 0 and {whole}"
    return DataInvalid(f"{largest}: they seem to be {unit}", expected="pixels, counted from 0", fix=fix)


_FROM_SIZES = "write left + width into the column `right`, and top + height into `bottom`"
_FROM_CENTRES = (
    "the columns contain centre, width and height: write x - width / 2 into `left`, y - height / 2 into `top`,"
    " x + width / 2 into `right` and y + height / 2 into `bottom`"
)


def _sizes_or_centres(rows: Float[np.ndarray, "N 4"], whole: int) -> str:
    """The conversion of sizes or centres to corners, in words.

    Empty if the rows are not boxes either way.
    """
    begins, sizes, slack = rows[:, :2], rows[:, 2:], _SLACK * whole
    as_sizes = bool((begins + sizes <= whole + slack).all())
    as_centres = bool((begins - sizes / 2 >= -slack).all() and (begins + sizes / 2 <= whole + slack).all())
    if as_sizes and as_centres:
        return (
            f"{_FROM_SIZES}, if these contain the width and the height, as in COCO; or, if, as in YOLO, {_FROM_CENTRES}"
        )
    return _FROM_SIZES if as_sizes else _FROM_CENTRES if as_centres else ""


def _like_percent(said: Measured, ends: Float[np.ndarray, "N 2"], twice_centres: Float[np.ndarray, "N 2"]) -> bool:
    """Whether the numbers spread over 0 to 100.

    Pixels would hardly stay below 100 in so many images.
    """
    if ends.max() > 100 + _SLACK or (ends.max(0) <= 50).any() or (twice_centres.std(0) < 8).all():
        return False
    _, first = np.unique(said.images, return_index=True)
    return bool(np.minimum(1, 100 / said.sizes[first]).prod() < _CHANCE)


def _measured(path: Path, columns: tuple[str, ...], looks: Looks) -> Measured:
    """The readable rows of images that can be read."""
    rows: list[tuple[list[float], str]] = []

    def note(key: str, cells: Cells):
        rows.append(([number_in(cells, column) for column in columns], key))

    each_row(path, ("image", "class", *columns), looks, note)
    rows = [(numbers, key) for numbers, key in rows if looks[key].size]
    order = {key: number for number, key in enumerate(dict.fromkeys(key for _, key in rows))}
    return Measured(
        numbers=np.array([numbers for numbers, _ in rows], float).reshape(-1, len(columns)),
        images=np.array([order[key] for _, key in rows], int),
        sizes=np.array([looks[key].size[::-1] for _, key in rows], float).reshape(-1, 2),
    )


def units_of_samples(samples: Sequence[Sample]) -> list[DataInvalid]:
    """Errors for samples in a wrong unit.

    A training thus finds out by itself.
    """
    boxes = [(box[[2, 1, 4, 3]], sample) for sample in samples for box in sample.boxes]
    clicks = [(stroke.points[0, ::-1], sample) for sample in samples for stroke in sample.strokes]
    found = []
    for judge, said in ((unit_of_boxes, boxes), (unit_of_clicks, clicks)):
        if said:
            order = {sample.key: number for number, sample in enumerate(samples)}
            numbers = np.array([row for row, _ in said], float)
            sizes = np.array([sample.valid.shape[::-1] for _, sample in said], float)
            found += [judge(Measured(numbers, np.array([order[sample.key] for _, sample in said]), sizes))]
    return [problem for problem in found if problem]
