"""VIA, the annotator of VGG: versions 1 and 2, as JSON and as CSV.

Classes are attributes of regions. Where there are several, the one called class, label, category, name or type is read,
and a note says so.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Box, Ellipse, Line, Point, Polygon, Shape, box_of, from_xy

NAMES_OF_CLASSES = ("class", "label", "category", "categories", "name", "type")
"""Attributes that hold the class, by preference."""
_COLUMN = "region_shape_attributes"


def _claims(entry: Entry) -> bool:
    if entry.is_table:
        return _COLUMN in entry.text.partition("\n")[0]
    content = entry.json
    return isinstance(content, dict) and bool(_items(content))


def _items(content: dict[str, Any]) -> dict[str, Any]:
    """The images of a project, or of exported annotations."""
    items = content.get("_via_img_metadata", content)
    if not isinstance(items, dict):
        return {}
    return (
        items if any(isinstance(each, dict) and {"filename", "regions"} <= set(each) for each in items.values()) else {}
    )


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    regions: list[dict[str, Any]] = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            if entry.is_table:
                items, declared = list(_rows(entry, ignored)), {}
            else:
                items, declared = _items(entry.json).values(), entry.json.get("_via_attributes") or {}
            for number, item in enumerate(items, start=1):
                with noted(ignored, f"{entry.place}, image {number}", "image"):
                    images.append(_image(item, declared, f"{entry.place}, image {number}", ignored, regions))
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(about_attributes(regions)))


def _rows(entry: Entry, ignored: list[Ignored]) -> Iterator[dict[str, Any]]:
    """The images of a table that has a row for each region."""
    items: dict[str, dict[str, Any]] = {}
    try:
        # Version 1 begins its head with a #. Lines are split at line feeds alone, because texts in quotes may hold
        # other line ends.
        rows = list(csv.DictReader(entry.text.lstrip("#").split("\n")))
    except csv.Error as error:
        raise DataInvalid(f"a damaged table: {error}") from error
    for number, row in enumerate(rows, start=2):
        with noted(ignored, f"{entry.place}, line {number}", "row"):
            of_file = json.loads(row["file_attributes"] or "{}")
            item = items.setdefault(
                row["filename"], {"filename": row["filename"], "file_attributes": of_file, "regions": []}
            )
            shape = json.loads(row[_COLUMN] or "{}")
            # An image without regions has a row with none.
            if shape:
                item["regions"].append(
                    {"shape_attributes": shape, "region_attributes": json.loads(row["region_attributes"])}
                )
    yield from items.values()


def _image(
    item: dict[str, Any],
    declared: dict[str, Any],
    place: str,
    ignored: list[Ignored],
    attributes: list[dict[str, Any]],
) -> ImageMarks:
    """The marks of an image; the attributes of its regions are added to `attributes`."""
    regions = item.get("regions") or ()
    marks = []
    # Version 1 numbers the regions.
    for number, region in enumerate(regions.values() if isinstance(regions, dict) else regions, start=1):
        of = f"{place}, region {number}"
        shape = region.get("shape_attributes") if isinstance(region, dict) else None
        with noted(ignored, of, str(shape.get("name")) if isinstance(shape, dict) else "region"):
            said = region.get("region_attributes") or {}
            marks.append(Mark(class_in(said), _shape(region["shape_attributes"]), source=of))
            attributes.append(said)
    return ImageMarks(str(item["filename"]), None, tuple(marks), tuple(_tags(item, declared, place, ignored)))


def class_in(attributes: dict[str, Any]) -> str:
    """The class among the attributes of a region.

    Raises:
        DataInvalid: there is none, or several and none has a name that classes have.
    """
    said = _set(attributes)
    if not said:
        raise DataInvalid("it has no class: none of its attributes is set")
    preferred = _preferred(said)
    classes = said[preferred[0]] if preferred else list(dict.fromkeys(each for some in said.values() for each in some))
    if len(classes) > 1:
        names = ", ".join(preferred[:1] or said)[:80]
        raise DataInvalid(f"its attributes {names} have several values, and a pixel has one class")
    return classes[0]


def about_attributes(regions: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A note for each attribute that classes were read from while others were set."""
    others: dict[str, dict[str, None]] = {}
    for said in map(_set, regions):
        if len(said) > 1 and (taken := _preferred(said)):
            others.setdefault(taken[0], {}).update(dict.fromkeys(name for name in said if name != taken[0]))
    for taken, rest in others.items():
        yield f"Classes are read from the attribute '{taken}'; {some(list(rest))} of the same regions is not used."


def _set(attributes: dict[str, Any]) -> dict[str, list[str]]:
    return {name: chosen for name, value in attributes.items() if (chosen := chosen_in(value))}


def _preferred(said: Iterable[str]) -> list[str]:
    return [name for known in NAMES_OF_CLASSES for name in said if name.strip().lower() == known]


def chosen_in(value: Any) -> list[str]:
    """The values of an attribute: a text, or the boxes that are ticked."""
    if isinstance(value, dict):
        return [str(option) for option, ticked in value.items() if ticked in (True, "true", 1)]
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return [text] if text and text != "undefined" else []


def _tags(item: dict[str, Any], declared: dict[str, Any], place: str, ignored: list[Ignored]) -> Iterable[str]:
    kinds = declared.get("file") if isinstance(declared, dict) else None
    tags: list[str] = []
    for name, value in (item.get("file_attributes") or {}).items():
        with noted(ignored, f"{place}, {name[:60]}", "file attribute"):
            kind = kinds.get(name) if isinstance(kinds, dict) else None
            if chosen_in(value) and isinstance(kind, dict) and kind.get("type") == "text":
                raise DataInvalid("a text is no class")
            for tag in chosen_in(value):
                require_name(tag)
                tags.append(tag)
    return dict.fromkeys(tags)


def _shape(shape: dict[str, Any]) -> Shape:
    if shape.get("name") not in _SHAPES:
        raise DataInvalid(f"the kind '{str(shape.get('name'))[:40]}' is unknown")
    return _SHAPES[shape["name"]](shape)


def _points(shape: dict[str, Any]):
    return from_xy(zip(shape["all_points_x"], shape["all_points_y"], strict=True))


def _rectangle(shape: dict[str, Any]) -> Box:
    x, y, width, height = (float(shape[name]) for name in ("x", "y", "width", "height"))
    return box_of(from_xy([(x, y), (x + width, y + height)]))


def _ellipse(shape: dict[str, Any]) -> Ellipse:
    row, column, rows, columns = (float(shape[name]) for name in ("cy", "cx", "ry", "rx"))
    return Ellipse(row, column, rows, columns, math.degrees(float(shape.get("theta") or 0)))


_SHAPES: dict[str, Callable[[dict[str, Any]], Shape]] = {
    "rect": _rectangle,
    "circle": lambda shape: _ellipse({**shape, "rx": shape["r"], "ry": shape["r"]}),
    "ellipse": _ellipse,
    "polygon": lambda shape: Polygon(((_points(shape),),)),
    "polyline": lambda shape: Line(_points(shape)),
    "point": lambda shape: Point(float(shape["cy"]), float(shape["cx"])),
}

VIA = Format("VIA", _claims, _read, ignores_exif=False)
