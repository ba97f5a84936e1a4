"""Geometries of GeoJSON as shapes; x comes first in files."""

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from weakseg.errors import DataInvalid
from weakseg.marks.shapes import Line, Point, Polygon, Shape, from_xy

_DEEPEST = 8
"""Geometries within geometries."""


def shapes_of_geometry(geometry: dict[str, Any], depth: int = 0) -> Iterator[Shape]:
    """The shapes of a geometry."""
    kind = geometry["type"]
    # With a limit, because a file may nest collections until Python's stack ends.
    if kind == "GeometryCollection" and depth < _DEEPEST:
        for part in geometry["geometries"]:
            yield from shapes_of_geometry(part, depth + 1)
        return
    if kind not in _SHAPES:
        raise DataInvalid(f"the geometry '{str(kind)[:40]}' is unknown")
    yield from _SHAPES[kind](geometry["coordinates"])


def _points(pairs: list[Any]) -> Iterator[Point]:
    for row, column in from_xy(pairs).tolist():
        yield Point(row, column)


def _polygons(polygons: list[Any]) -> Iterator[Polygon]:
    parts = tuple(tuple(from_xy(ring) for ring in rings) for rings in polygons if rings)
    yield Polygon(parts)


_SHAPES: dict[str, Callable[[Any], Iterator[Shape]]] = {
    "Point": lambda pair: _points([pair]),
    "MultiPoint": _points,
    "LineString": lambda pairs: iter([Line(from_xy(pairs))]),
    "MultiLineString": lambda lines: (Line(from_xy(pairs)) for pairs in lines),
    "Polygon": lambda rings: _polygons([rings]),
    "MultiPolygon": _polygons,
}

GEOMETRIES = (*_SHAPES, "GeometryCollection")
"""Names of all kinds of geometries."""


def is_a(value: object, *kinds: str) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a GeoJSON object of one of these types."""
    return isinstance(value, dict) and value.get("type") in kinds


def features_of(content: object) -> list[Any] | None:
    """The objects of a file; `None` if it is no such file."""
    if is_a(content, "FeatureCollection"):
        features = content.get("features")
        return features if isinstance(features, list) else None
    if isinstance(content, list) and content and is_a(content[0], "Feature"):
        return content
    if is_a(content, "Feature"):
        return [content]
    if is_a(content, *GEOMETRIES):
        return [{"geometry": content}]
    return None
