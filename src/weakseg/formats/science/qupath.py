"""QuPath: one GeoJSON file an image, named like it.

Coordinates are edge coordinates of the image at full resolution, x first. Objects lie in a collection, in a list, or
alone; the class of an object with several names has them all.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.geometry import GEOMETRIES, features_of, is_a, shapes_of_geometry
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark

_OWN = ("objectType", "object_type", "isLocked", "measurements")
"""Properties that only QuPath writes."""
_NAME = re.compile(r"""(["'])name\1\s*:\s*(?:["'])([^"']+)["']""")
"""The name in a table that was written as text."""
_BY_HAND = "annotation"
_DRAWN = (_BY_HAND, "detection", "cell")
"""Kinds of objects that have a class; the others are parts of a grid, or the image itself."""


def _claims(entry: Entry) -> bool:
    content = entry.json
    if is_a(content, *GEOMETRIES):
        return holds(content, "coordinates") or holds(content, "geometries")
    # What states a coordinate system lies on the earth.
    if holds(content, "crs"):
        return False
    features = features_of(content)
    return features is not None and all(_is_own(each) for each in features[:1])


def _is_own(feature: object) -> bool:
    if not is_a(feature, "Feature"):
        return False
    properties, geometry = feature.get("properties"), feature.get("geometry")
    named = isinstance(properties, dict) and (any(key in properties for key in _OWN) or _is_classified(properties))
    # Before version 0.3 the kind of an object was its id.
    return named or str(feature.get("id")).startswith("Path") or holds(geometry, "plane")


def _is_classified(properties: dict[str, Any]) -> bool:
    """Whether the class is a table, or the text of one; features of maps may have a classification too."""
    said = properties.get("classification")
    return isinstance(said, dict) or isinstance(said, str) and said.strip().startswith("{")


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images, detected, void = [], 0, set()
    for entry in entries:
        marks: list[Mark] = []
        for number, feature in enumerate(features_of(entry.json) or (), start=1):
            place = f"{entry.place}, object {number}"
            before = len(marks)
            with noted(ignored, place, _kind(feature)):
                marks += list(_marks(feature, place, ignored))
                detected += len(marks) > before and _object_type(feature) != _BY_HAND
        void |= {mark.label for mark in marks if mark.label.endswith("*")}
        images.append(ImageMarks(entry.folder + entry.stem, marks=tuple(marks)))
    notes = []
    if detected:
        notes.append(
            f"{detected} detections and cells of QuPath were read; a program drew them, and may have classified"
        )
    for name in sorted(void):
        notes.append(
            f"QuPath ignores objects of classes that end in *; to do so, add --name {shlex.quote(name)}=ignore"
        )
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(notes))


def _kind(feature: object) -> str:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    return str(geometry.get("type"))[:40] if isinstance(geometry, dict) else "object"


def _object_type(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    stated = properties.get("objectType") or properties.get("object_type") or feature.get("id")
    name = str(stated).lower().removeprefix("path").removesuffix("object")
    # Since version 0.3 an id is only a number.
    return name if name in (*_DRAWN, "tile", "tma core", "tma_core", "tmacore", "root") else _BY_HAND


def _marks(feature: dict[str, Any], place: str, ignored: list[Ignored]) -> Iterator[Mark]:
    kind, geometry = _object_type(feature), feature["geometry"]
    if kind not in _DRAWN:
        raise DataInvalid(f"objects of the kind {kind} are not drawn")
    if not isinstance(geometry, dict):
        raise DataInvalid("it has no geometry")
    plane = geometry.get("plane") or {}
    if slices := [f"{axis} = {plane[axis]}" for axis in ("z", "t") if plane.get(axis)]:
        raise DataInvalid(f"it lies on the slice {', '.join(slices)} of a stack")
    label = _label((feature.get("properties") or {}).get("classification"))
    if not label:
        raise DataInvalid("it is unclassified")
    if feature.get("nucleusGeometry"):
        ignored.append(Ignored(place, "nucleus", "a part of its cell"))
    for shape in shapes_of_geometry(geometry):
        yield Mark(label, shape, source=place)


def _label(classification: object) -> str:
    """The class, as QuPath shows it; empty if there is none."""
    if isinstance(classification, str) and classification.strip().startswith("{"):
        classification = _written_as_text(classification)
    if isinstance(classification, dict):
        names = classification.get("names")
        if isinstance(names, list) and names:
            return ": ".join(str(name) for name in names)
        classification = classification.get("name")
    return str(classification).strip() if classification else ""


def _written_as_text(text: str) -> object:
    """The table that geopandas writes as text."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    # Numbers may be calls of numpy's, which nothing evaluates.
    if name := _NAME.search(text):
        return name[2]
    raise DataInvalid("damaged: its class is no table")


QUPATH = Format("QuPath", _claims, _read, ignores_exif=True)
