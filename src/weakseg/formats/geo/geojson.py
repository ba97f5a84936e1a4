"""GeoJSON of maps: longitude and latitude, or the CRS that the file states."""

from collections.abc import Iterator, Sequence
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.geo.features import Feature, Layer, annotations_of
from weakseg.formats.geometry import features_of
from weakseg.formats.georeference import WGS84
from weakseg.marks.mark import Annotations, Ignored

_MOST_DEGREES = 360.0


def _claims(entry: Entry) -> bool:
    # Geometries alone, and objects of QuPath, are that format's.
    content = entry.json
    features = features_of(content)
    return features is not None and all(holds(each, "properties") for each in features[:1])


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    return annotations_of(entries, _layers)


def _layers(entry: Entry, ignored: list[Ignored]) -> Iterator[Layer]:
    content = entry.json
    features = []
    for number, each in enumerate(features_of(content) or (), start=1):
        place = f"{entry.place}, feature {number}"
        with noted(ignored, place, "feature"):
            said = each.get("properties") or {}
            if not isinstance(said, dict):
                raise DataInvalid("damaged: its properties are no table")
            features.append(Feature(each.get("geometry"), said, place))
    name = content.get("name") if isinstance(content, dict) else None
    layer = Layer(entry.place, str(name or entry.stem), _crs(content, entry.place), features)
    if not _stated(content):
        _require_degrees(layer)
    yield layer


def _stated(content: Any) -> bool:
    return holds(content, "crs")


def _crs(content: Any, place: str) -> str:
    """The CRS of a file, which is a member that the standard of today no longer has."""
    if not _stated(content):
        return WGS84
    said = content["crs"]
    properties = said.get("properties") if isinstance(said, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        raise DataInvalid(f"{place}: its crs is {str(said)[:80]}", fix="export it with a CRS that has a name")
    return name


def _require_degrees(layer: Layer) -> None:
    """Refuse coordinates that are no degrees, where the file states no CRS."""
    largest = max((_largest(each.geometry) for each in layer.features), default=0.0)
    if largest > _MOST_DEGREES:
        raise DataInvalid(
            f"{layer.place} has coordinates up to {largest:,.0f} and states no crs, so that they would be degrees",
            expected="longitude and latitude, or a member crs",
            fix="export it again with its CRS, or as longitude and latitude (EPSG:4326)",
        )


def _largest(geometry: Any) -> float:
    """The larger coordinate of the first vertex of a geometry."""
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    while isinstance(coordinates, list) and coordinates and isinstance(coordinates[0], list):
        coordinates = coordinates[0]
    numbers = coordinates if isinstance(coordinates, list) else []
    return max((abs(float(number)) for number in numbers[:2] if isinstance(number, int | float)), default=0.0)


GEOJSON = Format("GeoJSON of maps", _claims, _read)
