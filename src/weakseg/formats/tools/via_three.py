"""VIA 3, the annotator of VGG: a project as JSON, or its annotations as CSV.

Shapes are lists of numbers, the first of them their kind; attributes and their options have numbers too.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.tools.via import about_attributes, class_in
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Ellipse, Line, Point, Polygon, Shape, box_of, from_xy

_HEADER, _ATTRIBUTES = "# CSV_HEADER", "# ATTRIBUTE"


@dataclass(frozen=True)
class _Said:
    """Something said of a file."""

    place: str
    file: str
    when: Any
    """Times in a film; empty for images."""
    shape: Any
    """Numbers; empty for what is said of the whole image."""
    attributes: Any
    """Values by the number of the attribute."""


def _claims(entry: Entry) -> bool:
    if entry.is_table:
        return _HEADER in entry.text[:20_000]
    content = entry.json
    return isinstance(content, dict) and all(isinstance(content.get(key), dict) for key in ("file", "view", "metadata"))


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    marks: dict[str, list[Mark]] = {}
    present: dict[str, list[str]] = {}
    regions: list[dict[str, Any]] = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            said, declared = _table(entry, ignored) if entry.is_table else _project(entry, ignored)
            for one in said:
                with noted(ignored, one.place, str(one.shape[0]) if one.shape else "attribute"):
                    # An image that something damaged was said of is still one.
                    of, tags = marks.setdefault(one.file, []), present.setdefault(one.file, [])
                    if one.when:
                        raise DataInvalid("it marks a time in a film, not a place in an image")
                    if one.shape:
                        values = _values(one, declared)
                        of.append(Mark(class_in(values), _shape(one.shape), source=one.place))
                        regions.append(values)
                    else:
                        for tag in _chosen(one, declared):
                            require_name(tag)
                            tags.append(tag)
    images = (ImageMarks(name, None, tuple(of), tuple(dict.fromkeys(present[name]))) for name, of in marks.items())
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(about_attributes(regions)))


def _project(entry: Entry, ignored: list[Ignored]) -> tuple[list[_Said], dict[str, Any]]:
    content = entry.json
    said = []
    for key, view in content["view"].items():
        with noted(ignored, f"{entry.place}, view {key[:40]}", "view"):
            said += [_Said(entry.place, _file(content["file"][str(each)]), (), (), {}) for each in view["fid_list"]]
    for key, one in content["metadata"].items():
        place = f"{entry.place}, annotation {key[:40]}"
        with noted(ignored, place, "annotation"):
            file = content["file"][str(content["view"][str(one["vid"])]["fid_list"][0])]
            said.append(_Said(place, _file(file), one.get("z"), one.get("xy"), one.get("av")))
    return said, content.get("attribute") or {}


def _file(file: dict[str, Any]) -> str:
    """Its path or address, and where that is empty its name."""
    source = str(file.get("src") or "")
    return str(file["fname"]) if not source or source.startswith("data:") or "\n" in source else source


def _table(entry: Entry, ignored: list[Ignored]) -> tuple[list[_Said], dict[str, Any]]:
    lines = entry.text.split("\n")
    header = next(line for line in lines if line.startswith(_HEADER)).partition("=")[2].strip().split(",")
    declared = [line.partition("=")[2] for line in lines if line.startswith(_ATTRIBUTES)]
    try:
        rows = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    except csv.Error as error:
        raise DataInvalid(f"a damaged table: {error}") from error
    said = []
    for number, row in enumerate(rows, start=1):
        place = f"{entry.place}, row {number}"
        with noted(ignored, place, "row"):
            cells = dict(zip(header, row, strict=True))
            when, shape = json.loads(cells["temporal_coordinates"]), json.loads(cells["spatial_coordinates"])
            files = cells["file_list"]
            file = str(json.loads(files)[0]) if files.startswith("[") else files
            said.append(_Said(place, file, when, shape, json.loads(cells["metadata"])))
    return said, json.loads(declared[0]) if declared else {}


def _values(one: _Said, declared: dict[str, Any]) -> dict[str, Any]:
    """Values by the name of the attribute, options by their names."""
    values = {}
    for number, value in (one.attributes or {}).items():
        attribute = declared.get(number) or {}
        options = attribute.get("options") or {}
        # Several boxes that are ticked are numbers with commas.
        chosen = [str(options.get(each, each)) for each in str(value).split(",")] if options else [str(value)]
        values[str(attribute.get("aname") or number)] = dict.fromkeys(filter(None, chosen), True)
    return values


def _chosen(one: _Said, declared: dict[str, Any]) -> Iterator[str]:
    for number in one.attributes or {}:
        attribute = declared.get(number) or {}
        if not attribute.get("options"):
            raise DataInvalid("a text is no class")
    for values in _values(one, declared).values():
        yield from values


def _shape(numbers: Any) -> Shape:
    kind, *rest = [float(number) for number in numbers]
    if int(kind) not in _SHAPES:
        raise DataInvalid(f"the kind {int(kind)} is unknown")
    return _SHAPES[int(kind)](rest)


def _points(numbers: list[float]):
    return from_xy(zip(numbers[::2], numbers[1::2], strict=True))


_SHAPES: dict[int, Callable[[list[float]], Shape]] = {
    1: lambda at: Point(at[1], at[0]),
    2: lambda at: box_of(from_xy([(at[0], at[1]), (at[0] + at[2], at[1] + at[3])])),
    3: lambda at: Ellipse(at[1], at[0], at[2], at[2]),
    4: lambda at: Ellipse(at[1], at[0], at[3], at[2]),
    5: lambda at: Line(_points(at)),
    6: lambda at: Line(_points(at)),
    7: lambda at: Polygon(((_points(at),),)),
}

VIA_THREE = Format("VIA 3", _claims, _read, ignores_exif=False)
