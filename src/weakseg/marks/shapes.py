"""Shapes that annotators draw, as geometry.

Coordinates are (row, column) in edge coordinates of the image as viewers show it: pixel [r, c] covers the rows from r
to r + 1 and the columns from c to c + 1, so its centre is (r + 0.5, c + 0.5). A shape may reach beyond the image.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from weakseg.arrays.short_repr import brief
from weakseg.errors import DataInvalid

FARTHEST = 2.0**31
"""Largest coordinate, in pixels: no image has more rows or columns."""

Number = float | int


@dataclass(frozen=True)
class Point:
    """A click.

    Raises:
        DataInvalid: a coordinate is not finite, or larger than `FARTHEST`.
    """

    row: Number
    column: Number

    def __post_init__(self):
        _require((self.row, self.column))


@dataclass(frozen=True, eq=False)
class Line:
    """An open curve of straight pieces.

    Raises:
        DataInvalid: it has no vertex, or a coordinate is invalid.
    """

    points: Float[np.ndarray, "N 2"]
    """Vertices (row, column), one or more."""

    __repr__ = brief

    def __post_init__(self):
        _require_vertices(self.points, 1, "a line")


@dataclass(frozen=True, eq=False)
class Polygon:
    """An area bounded by straight lines.

    A pixel is inside if its centre is inside any of the parts.

    Raises:
        DataInvalid: there is no part, a ring has fewer than three vertices, or a coordinate is invalid.
    """

    parts: tuple[tuple[Float[np.ndarray, "_ 2"], ...], ...]
    """Parts, each of one or more closed rings of vertices (row, column); a part is what an odd number of its rings
    surround, so that the rings after the first are holes."""

    __repr__ = brief

    def __post_init__(self):
        if not self.parts or not all(self.parts):
            raise DataInvalid("a polygon without vertices")
        for ring in (ring for part in self.parts for ring in part):
            _require_vertices(ring, 3, "a ring of a polygon")


@dataclass(frozen=True)
class Box:
    """A bounding box.

    Raises:
        DataInvalid: it is empty, or a coordinate is invalid.
    """

    top: Number
    left: Number
    bottom: Number
    right: Number
    degrees: Number = 0.0
    """Rotation about its centre, clockwise."""

    def __post_init__(self):
        _require((self.top, self.left, self.bottom, self.right, self.degrees))
        if not (self.top < self.bottom and self.left < self.right):
            rows, columns = f"row {self.top:g} to {self.bottom:g}", f"column {self.left:g} to {self.right:g}"
            raise DataInvalid(f"a box from {rows} and {columns} is empty")

    def corners(self) -> Float[np.ndarray, "4 2"]:
        """The corners, clockwise from the top left one."""
        half = np.array([self.bottom - self.top, self.right - self.left]) / 2
        centre = np.array([self.top + self.bottom, self.left + self.right]) / 2
        return rotated(np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * half, self.degrees) + centre


@dataclass(frozen=True)
class Ellipse:
    """An ellipse.

    Raises:
        DataInvalid: a radius is not above 0, or a coordinate is invalid.
    """

    row: Number
    """Row of the centre."""
    column: Number
    radius_rows: Number
    """Half of its height before the rotation."""
    radius_columns: Number
    """Half of its width before the rotation."""
    degrees: Number = 0.0
    """Rotation about its centre, clockwise."""

    def __post_init__(self):
        _require((self.row, self.column, self.radius_rows, self.radius_columns, self.degrees))
        if not min(self.radius_rows, self.radius_columns) > 0:
            raise DataInvalid(f"an ellipse with radii {self.radius_rows:g} and {self.radius_columns:g}")


@runtime_checkable
class Encoded(Protocol):
    """The pixels of a mask as a file stores them."""

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask, of exactly this size.

        Raises:
            DataInvalid: the code is damaged, or of a mask of another size.
        """
        ...


@dataclass(frozen=True)
class Mask:
    """Painted pixels, decoded when they are needed.

    A file of a few bytes may describe a mask of any size, so nothing is decoded before the image's size is known.

    Raises:
        DataInvalid: it is empty, or lies too far away.
    """

    top: int
    """Row of its first pixel."""
    left: int
    height: int
    width: int
    code: Encoded

    __repr__ = brief

    def __post_init__(self):
        _require((self.top, self.left, self.height, self.width))
        if not min(self.height, self.width) > 0:
            raise DataInvalid(f"a mask {self.width} wide and {self.height} high")


Shape = Point | Line | Polygon | Box | Ellipse | Mask


def vertices_of(shape: Shape) -> Float[np.ndarray, "N 2"]:
    """All vertices (row, column) of a point, line or polygon, ring after ring."""
    if isinstance(shape, Point):
        return np.array([[shape.row, shape.column]], float)
    if isinstance(shape, Line):
        return shape.points
    assert isinstance(shape, Polygon)
    return np.concatenate([ring for part in shape.parts for ring in part])


def with_vertices(shape: Shape, points: Float[np.ndarray, "N 2"]) -> Point | Line | Polygon:
    """The shape with other vertices, in the order of `vertices_of`."""
    if isinstance(shape, Point):
        return Point(*points[0].tolist())
    if isinstance(shape, Line):
        return Line(points)
    assert isinstance(shape, Polygon)
    ends = np.cumsum([len(ring) for part in shape.parts for ring in part])[:-1]
    rings = iter(np.split(points, ends))
    return Polygon(tuple(tuple(next(rings) for _ in part) for part in shape.parts))


@dataclass(frozen=True, eq=False)
class Plain:
    """Pixels as they are."""

    array: Bool[np.ndarray, "H W"]

    __repr__ = brief

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The array."""
        if self.array.shape != (height, width):
            raise DataInvalid(f"a mask of shape {self.array.shape}", expected=f"({height}, {width})")
        return self.array


def rotated(points: Float[np.ndarray, "N 2"], degrees: Number) -> Float[np.ndarray, "N 2"]:
    """Points (row, column) turned clockwise about the origin."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    rows, columns = np.asarray(points, float).T
    # Rows count downwards: clockwise takes columns to rows.
    return np.stack([columns * sin + rows * cos, columns * cos - rows * sin], 1)


def from_xy(points: Iterable[Iterable[Any]]) -> Float[np.ndarray, "N 2"]:
    """Vertices (row, column) from pairs (x, y)."""
    # `float` of each number: files hold texts where they should not, and each is to be refused by itself.
    pairs = np.array([[float(number) for number in point][:2] for point in points], float)
    if pairs.ndim != 2 or pairs.shape[1:] != (2,):
        raise DataInvalid("vertices without coordinates", expected="pairs x, y")
    # The one place where x and y change places.
    return pairs[:, ::-1]


def box_of(corners: Float[np.ndarray, "N 2"]) -> Box:
    """The smallest box around points."""
    _require_vertices(corners, 1, "a box")
    (top, left), (bottom, right) = corners.min(0), corners.max(0)
    return Box(float(top), float(left), float(bottom), float(right))


def turned_box(corners: Float[np.ndarray, "4 2"]) -> Box:
    """The rotated box of four corners, in order around it from any of them; upright if its sides are."""
    _require_vertices(corners, 4, "a rotated box")
    # Files round their corners, so a box drawn upright may have sides a billionth of a degree off. It must stay
    # upright: rotated boxes become tags.
    if (np.isclose(corners, corners.min(0)) | np.isclose(corners, corners.max(0))).all():
        return box_of(corners)
    first, second, _, last = corners
    centre, across, down = corners.mean(0), second - first, last - first
    half = np.array([np.hypot(*down), np.hypot(*across)]) / 2
    (top, left), (bottom, right) = (centre - half).tolist(), (centre + half).tolist()
    return Box(top, left, bottom, right, math.degrees(math.atan2(across[0], across[1])))


def _require_vertices(points: Float[np.ndarray, "N 2"], least: int, what: str) -> None:
    if len(points) < least:
        raise DataInvalid(f"{what} with {len(points)} vertices", expected=f"{least} or more")
    if not (np.abs(points) <= FARTHEST).all():
        raise DataInvalid(f"{what} with a coordinate that is not finite or too large")


def _require(numbers: tuple[Number, ...]) -> None:
    for number in numbers:
        # Written so that nan, for which every comparison is false, is refused as well.
        if not abs(number) <= FARTHEST:
            raise DataInvalid(f"a coordinate of {number:g}", expected="a finite number of pixels")
