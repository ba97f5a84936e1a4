"""Features of a map layer: geometries with attributes, one of which is the class."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.formats.entry import Entry
from weakseg.formats.format import noted
from weakseg.formats.geometry import shapes_of_geometry
from weakseg.formats.georeference import crs_of
from weakseg.marks.mark import Annotations, GroundMarks, Ignored, Mark

_CLASSES = ("class", "label", "category", "class_name", "classname", "name", "type")
"""Attributes that hold the class, by preference."""
_NUMBERS = ("class_id", "classid", "classvalue", "gridcode", "dn", "value")
"""Attributes that hold its number: ArcGIS writes gridcode for polygons of a raster, GDAL writes DN."""
_IDENTIFIERS = (
    "fid",
    "id",
    "gid",
    "ogc_fid",
    "objectid",
    "uuid",
    "globalid",
    "shape_leng",
    "shape_length",
    "shape_area",
)


@dataclass(frozen=True)
class Feature:
    """A geometry of GeoJSON and its attributes."""

    geometry: Any
    """`None` if there is none."""
    attributes: Mapping[str, Any]
    place: str


@dataclass(frozen=True)
class Layer:
    """The features of one coordinate reference system."""

    place: str
    name: str
    """The class of features without attributes."""
    crs: str
    features: Sequence[Feature]


def annotations_of(
    entries: Iterable[Entry], layers_in: Callable[[Entry, list[Ignored]], Iterator[Layer]]
) -> Annotations:
    """The marks of all layers in files.

    Layers are few and hold many marks, so that none is left out: each of these problems stops the reading.

    Args:
        entries: the files.
        layers_in: the layers of a file; it adds features that are damaged to the list.

    Raises:
        DataInvalid: a layer is damaged, states no known coordinate reference system, or has several attributes that may
            be the class; all problems at once.
    """
    ignored: list[Ignored] = []
    ground: list[GroundMarks] = []
    notes: list[str] = []
    problems: list[DataInvalid] = []
    for entry in entries:
        try:
            for layer in layers_in(entry, ignored):
                _require_crs(layer)
                column, note = _class_column(layer)
                marks = tuple(_marks(layer, column, ignored))
                ground.append(GroundMarks(layer.place, layer.crs, marks))
                notes.append(note)
        except DataInvalid as problem:
            problems.append(problem)
    if problems:
        raise DataInvalid.of(problems)
    return Annotations(ignored=tuple(ignored), notes=tuple(notes), ground=tuple(ground))


def _require_crs(layer: Layer) -> None:
    try:
        crs_of(layer.crs)
    except DataInvalid as problem:
        raise problem.at(layer.place) from problem


def _marks(layer: Layer, column: str | None, ignored: list[Ignored]) -> Iterator[Mark]:
    for feature in layer.features:
        kind = feature.geometry.get("type") if isinstance(feature.geometry, dict) else None
        with noted(ignored, feature.place, str(kind or "feature")):
            if feature.geometry is None:
                raise DataInvalid("it has no geometry")
            label = layer.name if column is None else _text(feature.attributes.get(column))
            if not label:
                raise DataInvalid(f"it has no class: its attribute {column} is not set")
            yield from [Mark(label, shape, source=feature.place) for shape in shapes_of_geometry(feature.geometry)]


def _class_column(layer: Layer) -> tuple[str | None, str]:
    """The attribute that holds the class, `None` if the layer is one class; and a sentence on it."""
    texts, numbers = list(_set_columns(layer.features, str)), list(_set_columns(layer.features, int))
    others = [name for name in texts if name.strip().lower() not in _IDENTIFIERS]
    known = list(_called(_CLASSES, [*texts, *numbers])) or list(_called(_NUMBERS, [*numbers, *texts]))
    if not known and len(others) > 1:
        raise DataInvalid(
            f"{layer.place}: the class may be any of its attributes {some(others)}",
            expected=f"an attribute called {', '.join(_CLASSES)}",
            fix="rename the attribute that holds the class to class",
        )
    if chosen := (known or others)[:1]:
        rest = [name for name in others if name != chosen[0]]
        unused = f"; {some(rest)} is not used" if rest else ""
        return chosen[0], f"Classes of {layer.place} are read from the attribute '{chosen[0]}'{unused}."
    return None, f"{layer.place} has no attribute for classes: all of it is '{layer.name}'."


def _set_columns(features: Iterable[Feature], kind: type) -> Iterator[str]:
    """Attributes that have a value of this kind on any feature."""
    seen: dict[str, None] = {}
    for feature in features:
        for name, value in feature.attributes.items():
            if isinstance(value, kind) and not isinstance(value, bool) and _text(value):
                seen[name] = None
    yield from seen


def _called(known: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    for one in known:
        yield from (name for name in names if name.strip().lower() == one)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        # Tables of shapefiles store whole numbers as fractions.
        value = int(value)
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
