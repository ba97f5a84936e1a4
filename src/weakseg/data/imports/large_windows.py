"""Windows of large images around marks, each of which becomes an image of a data folder.

The windows follow from the marks' geometry: of the image only these windows are read, so memory does not depend on its
size, but on that of masks among the marks, which are decoded whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Float

from weakseg.data.rasters.open import opened_raster
from weakseg.data.rasters.raster import LARGE, Raster, Window
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.marks.mark import ImageMarks, Mark
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Plain, Point, Shape, vertices_of, with_vertices
from weakseg.marks.uses import Uses

SIDE = 1024
"""Rows and columns of a window: views of a training are cut from it at random."""
_TIFF = (b"II", b"MM")
_NODATA = 42113
"""GDAL's tag of the number for pixels without data."""


@dataclass(frozen=True)
class Part:
    """A window of a large image, and what is true of it."""

    window: Window
    marks: ImageMarks

    def key(self, whole: str) -> str:
        """The window's key: that of the image, and its left and upper side."""
        return f"{whole}@{self.window.left}x{self.window.top}"


@contextmanager
def opened_large(path: Path) -> Iterator[Raster | None]:
    """An image of more than `LARGE` pixels for reading by windows; `None` for all others."""
    with open_regular(path) as file:
        tiff = file.read(2) in _TIFF
    if not tiff:
        yield None
        return
    with opened_raster(path) as raster:
        height, width = (0, 0) if raster is None else raster.levels[0]
        yield raster if height * width > LARGE else None


def parts_of(image: ImageMarks, size: tuple[int, int], uses: Uses) -> tuple[list[Part], list[DataInvalid]]:
    """The windows that hold marks, in the order of rows, and errors for marks that lie outside the image."""
    cells: dict[tuple[int, int], list[Mark]] = defaultdict(list)
    problems = []
    for mark in image.marks:
        touched = _cells(mark, size)
        for cell in touched:
            cells[cell].append(mark)
        if not touched:
            text = f"a {mark.kind} lies outside the image, {size[1]} wide and {size[0]} high"
            problems.append(DataInvalid(text, fix="check that the annotations belong to this image"))
    found = []
    for row, column in sorted(cells):
        # The last windows are moved inwards, so that all have the same size.
        corner = [max(min(i * SIDE, side - SIDE), 0) for i, side in zip((row, column), size, strict=True)]
        window = Window(*corner, *(min(SIDE, side) for side in size))
        near = cells[row, column] if window[:2] == (row * SIDE, column * SIDE) else image.marks
        marks = _true_of(near, window, size, uses)
        if marks:
            found.append(Part(window, replace(image, marks=marks, size=None, present=(), ground=None)))
    return found, problems


def write_window(raster: Raster, window: Window, path: Path) -> None:
    """Write a window as a TIFF with the stored values.

    Raises:
        DataInvalid: it cannot be decoded.
    """
    values, opacity = raster.read(window)
    colours = "rgb" if values.shape[2] == 3 else "minisblack"
    extra = ["unspecified"] * (0 if colours == "rgb" else values.shape[2] - 1)
    if opacity is not None:
        values, extra = np.concatenate([values, opacity], axis=2), [*extra, "unassalpha"]
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = values if values.shape[2] > 1 else values[:, :, 0]
    how = {"planarconfig": "contig", "extrasamples": extra} if flat.ndim == 3 else {}
    # What the image calls no data is none in its windows.
    tags = [(_NODATA, "s", 0, raster.nodata, True)] if raster.nodata else []
    tifffile.imwrite(path, flat, photometric=colours, compression="adobe_deflate", metadata=None, extratags=tags, **how)


def _cells(mark: Mark, size: tuple[int, int]) -> set[tuple[int, int]]:
    """The cells of a grid of windows that a mark may touch."""
    wide = _reach(mark)
    last = [(side - 1) // SIDE for side in size]
    found = set()
    for low, high in _bounds(mark.shape):
        if (high + wide < 0).any() or (low - wide > size).any():
            continue
        (top, left), (bottom, right) = (
            np.clip((at // SIDE).astype(int), 0, last).tolist() for at in (low - wide, high + wide)
        )
        found |= {(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)}
    return found


def _bounds(shape: Shape) -> list[tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]]:
    """First and last row and column of a shape; of each piece of a line, which may be long and slanted."""
    if isinstance(shape, Line) and len(shape.points) > 1:
        ends = np.stack([shape.points[:-1], shape.points[1:]])
        return [*zip(ends.min(0), ends.max(0), strict=True)]
    if isinstance(shape, Mask):
        corners = np.array([(shape.top, shape.left), (shape.top + shape.height, shape.left + shape.width)], float)
    elif isinstance(shape, Ellipse):
        centre, reach = np.array([shape.row, shape.column]), max(shape.radius_rows, shape.radius_columns)
        corners = np.stack([centre - reach, centre + reach])
    else:
        corners = shape.corners() if isinstance(shape, Box) else vertices_of(shape)
    return [(corners.min(0), corners.max(0))]


def _true_of(marks: Sequence[Mark], window: Window, image_size: tuple[int, int], uses: Uses) -> tuple[Mark, ...]:
    """The marks as they are seen in a window; a claim about more than the window is left out."""
    corner, size = np.array(window[:2]), np.array(window[2:])
    # A point on the last edge of the image is of its last pixel.
    ends = size + 1e-9 * (corner + size == image_size)
    kept: list[tuple[Mark, str, bool]] = []
    for mark in marks:
        moved = _moved(mark.shape, window)
        if moved is None or not _shown(moved, ends, _reach(mark)):
            continue
        use = uses.use_of(mark.label, mark.kind)
        inside = all((low >= corner).all() and (high <= corner + size).all() for low, high in _bounds(mark.shape))
        kept.append((replace(mark, shape=moved), use, inside))
    # Boxes claim that a class lies in them alone, and touches their sides: one that is cut says neither, and the
    # others of its class are then not all of its boxes.
    cut = {uses.class_of(mark.label) for mark, use, inside in kept if use == "box" and not inside}
    return tuple(
        mark
        for mark, use, inside in kept
        if not (use == "box" and uses.class_of(mark.label) in cut) and (use != "tag" or inside)
    )


def _moved(shape: Shape, window: Window) -> Shape | None:
    """A shape in the coordinates of a window."""
    top, left = window.top, window.left
    if isinstance(shape, Box):
        return replace(
            shape, top=shape.top - top, bottom=shape.bottom - top, left=shape.left - left, right=shape.right - left
        )
    if isinstance(shape, Ellipse):
        return replace(shape, row=shape.row - top, column=shape.column - left)
    if not isinstance(shape, Mask):
        return with_vertices(shape, vertices_of(shape) - np.array([top, left]))
    rows = slice(max(top - shape.top, 0), max(top + window.height - shape.top, 0))
    columns = slice(max(left - shape.left, 0), max(left + window.width - shape.left, 0))
    part = shape.code.pixels(shape.height, shape.width)[rows, columns]
    if not part.any():
        return None
    high, wide = part.shape
    return Mask(shape.top + rows.start - top, shape.left + columns.start - left, high, wide, Plain(part.copy()))


def _reach(mark: Mark) -> float:
    """How far a mark reaches beyond its points, in pixels: half the width of a line."""
    return (mark.width_px or 3.0) / 2 if isinstance(mark.shape, Line) else 0.0


def _shown(shape: Shape, ends: Float[np.ndarray, "2"], reach: float) -> bool:
    """Whether any pixel of a window shows the shape."""
    if isinstance(shape, Point | Line):
        return any((high + reach >= 0).all() and (low - reach < ends).all() for low, high in _bounds(shape))
    return bool(pixels_of(shape, (int(ends[0]), int(ends[1]))).inside.any())
