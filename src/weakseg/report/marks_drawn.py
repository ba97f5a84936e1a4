"""Marks of annotation files as they were drawn: outlines over an image, for a page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from weakseg.data.folder.annotated import Annotated
from weakseg.data.images.label_file import palette
from weakseg.errors import DataInvalid
from weakseg.marks.labels import LEFT_OUT, LINE_WIDTH_PX
from weakseg.marks.mark import Mark
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon

MOST = 1000
"""Most marks that are drawn on an image."""
_SIDE_PX = 800
"""Longer side of an image to which outlines are exact: details below a quarter of its pixels are left out."""
_NO_CLASS = "rgb(128 128 128)"
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Drawn:
    """One mark on a page, in pixels of its image."""

    title: str
    """Its class, kind and use, in words."""
    color: str
    """Colour in CSS."""
    path: str = ""
    """Path of SVG; empty for painted pixels."""
    width: float | int = 0
    """Width of the pen in pixels of the image, for lines."""
    area: bool = False
    """Whether its inside is labelled."""
    used: bool = True
    pixels: str = ""
    """Painted pixels as a data URI."""
    place: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Left, top, width and height of the painted pixels."""


@dataclass(frozen=True)
class Overlay:
    """The marks of one image."""

    height: int
    width: int
    marks: tuple[Drawn, ...]
    rest: int
    """Number of marks that are not drawn, because there are too many."""


def marks_of(key: str, annotated: Annotated) -> Overlay | None:
    """The marks of an image as they were drawn; `None` if there are none."""
    labels = annotated.labels(key)
    if labels is None or not labels.became:
        return None
    colors = palette(len(annotated.legend.classes)).tolist()

    def color_of(name: str) -> Color | None:
        index = annotated.index(name)
        return None if index is None else tuple(colors[index])

    size, marks = annotated.found.sizes[key], annotated.found.images[key].marks
    pairs = [*zip(marks, labels.became, strict=True)]
    drawn = [_drawn(mark, use, size, color_of(mark.label)) for mark, use in pairs[:MOST]]
    return Overlay(*size, tuple(each for each in drawn if each is not None), len(pairs) - len(drawn))


def _drawn(mark: Mark, use: str, size: tuple[int, int], color: Color | None) -> Drawn | None:
    used = use not in ("ignore", LEFT_OUT) and color is not None
    title = f"{mark.label}: {mark.kind.replace('_', ' ')}, {use if color is not None else 'no class'}"
    css = _NO_CLASS if color is None else f"rgb({' '.join(map(str, color))})"
    shape, step = mark.shape, max(*size, _SIDE_PX) / _SIDE_PX / 4
    if isinstance(shape, Mask):
        try:
            patch = pixels_of(shape, size)
        except DataInvalid:
            return None  # the check says what is wrong with it
        height, width = patch.inside.shape
        place = (patch.left, patch.top, width, height)
        return (
            Drawn(title, css, used=used, pixels=_painted(patch.inside, color), place=place) if width * height else None
        )
    if isinstance(shape, Line):
        width = LINE_WIDTH_PX if mark.width_px is None else mark.width_px
        return Drawn(title, css, _path([shape.points], step, closed=False), width, used=used)
    return Drawn(title, css, _outline(shape, step), area=use == "region", used=used)


def _outline(shape: Point | Polygon | Box | Ellipse, step: float) -> str:
    """Path of a point or an area."""
    if isinstance(shape, Point):
        # A line without length is a dot, as wide as the pen.
        return f"M{_number(shape.column)} {_number(shape.row)}h0"
    if isinstance(shape, Polygon):
        return _path([ring for part in shape.parts for ring in part], step, closed=True)
    if isinstance(shape, Box):
        return _path([shape.corners()], 0.0, closed=True)
    angle = np.deg2rad(shape.degrees)
    down, right = shape.radius_columns * np.sin(angle), shape.radius_columns * np.cos(angle)
    ends = [(shape.column + sign * right, shape.row + sign * down) for sign in (-1, 1)]
    arc = f"A{_number(shape.radius_columns)} {_number(shape.radius_rows)} {_number(shape.degrees)} 1 0 "
    (start, stop) = (f"{_number(x)} {_number(y)}" for x, y in ends)
    return f"M{start}{arc}{stop}{arc}{start}Z"


def _path(rings: Sequence[Float[np.ndarray, "_ 2"]], step: float, closed: bool) -> str:
    """Path through vertices, without those that lie within a step of the one before."""
    parts = []
    for ring in rings:
        kept = ring
        if step and len(ring) > 4:
            cells = np.floor(ring / step)
            kept = ring[np.concatenate([[True], (cells[1:] != cells[:-1]).any(1)])]
        points = " ".join(f"{_number(column)} {_number(row)}" for row, column in kept.tolist())
        parts.append(f"M{points}" + "Z" * closed)
    return "".join(parts)


def _number(value: float | int) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _painted(inside: Bool[np.ndarray, "H W"], color: Color | None) -> str:
    """Painted pixels as a PNG with a transparent ground."""
    # Of very large masks every so many pixels are shown.
    every = max(max(inside.shape) // _SIDE_PX, 1)
    image = Image.fromarray(inside[::every, ::every].astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, *(color or (128, 128, 128))])
    stream = BytesIO()
    image.save(stream, "PNG", transparency=0, optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
