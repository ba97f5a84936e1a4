"""Geometries in well-known binary, as GeoJSON has them."""

import struct
from typing import Any

import numpy as np

from weakseg.errors import DataInvalid

_DEEPEST = 8
"""Geometries within geometries."""
_KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}


def geometry_of(content: bytes) -> dict[str, Any]:
    """The geometry; coordinates beyond x and y are dropped.

    Raises:
        DataInvalid: it is damaged, or has curves.
    """
    try:
        return _geometry(content, 0, 0)[0]
    except (struct.error, IndexError) as error:
        raise DataInvalid("a geometry that is cut off") from error


def _geometry(content: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    """A geometry and where it ends."""
    if depth > _DEEPEST:
        raise DataInvalid("geometries nested too deep")
    order = "<" if content[at] else ">"
    (code,) = struct.unpack_from(f"{order}I", content, at + 1)
    at += 5
    # PostGIS sets the three highest bits for z, m and a number of the CRS; the standard adds thousands.
    if code & 0x20000000:
        at += 4
    kind = _KINDS.get((code & 0x0FFFFFFF) % 1000)
    axes = 2 + bool(code & 0x80000000) + bool(code & 0x40000000) + (0, 1, 1, 2)[(code & 0x0FFFFFFF) // 1000 % 4]
    if kind is None:
        raise DataInvalid(f"a geometry of the kind {code & 0x0FFFFFFF}, such as a curve, which has no vertices alone")
    if kind == "Point":
        (point,), at = _points(content, at, 1, order, axes)
        return {"type": kind, "coordinates": point}, at
    if kind == "LineString":
        points, at = _counted_points(content, at, order, axes)
        return {"type": kind, "coordinates": points}, at
    count, at = _count(content, at, order)
    parts = []
    for _ in range(count):
        part, at = _counted_points(content, at, order, axes) if kind == "Polygon" else _geometry(content, at, depth + 1)
        parts.append(part)
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": parts}, at
    if kind != "Polygon":
        if any(part["type"] != kind.removeprefix("Multi") for part in parts):
            raise DataInvalid(f"a {kind} with parts of another kind")
        parts = [part["coordinates"] for part in parts]
    return {"type": kind, "coordinates": parts}, at


def _count(content: bytes, at: int, order: str) -> tuple[int, int]:
    """The number of parts, each of which has four bytes at least."""
    (count,) = struct.unpack_from(f"{order}I", content, at)
    if count > (len(content) - at) // 4:
        raise DataInvalid("a geometry that is cut off")
    return count, at + 4


def _counted_points(content: bytes, at: int, order: str, axes: int) -> tuple[list[Any], int]:
    count, at = _count(content, at, order)
    return _points(content, at, count, order, axes)


def _points(content: bytes, at: int, count: int, order: str, axes: int) -> tuple[list[Any], int]:
    end = at + 8 * axes * count
    if end > len(content):
        raise DataInvalid("a geometry that is cut off")
    numbers = np.frombuffer(content, f"{order}f8", axes * count, at).reshape(count, axes)
    return numbers[:, :2].tolist(), end
