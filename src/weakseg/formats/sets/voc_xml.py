"""Pascal VOC: one XML file an image, with boxes.

Pixels are counted from 1 and the last one is inside, so a box begins one before the stated number. Many programs
count from 0 and state the edge behind the last pixel; a box that begins at 0 proves it, for all files.
"""

import math
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Box, Polygon, Shape


def _claims(entry: Entry) -> bool:
    root = entry.root("annotation")
    if root is None:
        return False
    objects = root.findall("object")
    boxed = any(each.find(part) is not None for each in objects for part in ("bndbox", "robndbox"))
    return boxed or (not objects and root.find("size") is not None)


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    first, notes = 1, []
    for entry in entries:
        if (root := entry.xml) is not None and any(_begins_at_0(box) for box in root.iter("bndbox")):
            first = 0
            notes.append(f"{entry.place} has a box that begins at 0, so pixels are counted from 0 in all VOC files")
            break
    images = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            images.append(_image(entry, first, sizes, ignored))
    return Annotations(tuple(images), ignored=tuple(ignored), notes=tuple(notes))


def _begins_at_0(box: Element) -> bool:
    # Half a pixel is rounding.
    return any(0 <= _number(box, name, default=1.0) < 0.5 for name in ("xmin", "ymin"))


def _image(entry: Entry, first: int, sizes: Sizes, ignored: list[Ignored]) -> ImageMarks:
    root = entry.xml
    assert root is not None
    marks = []
    for number, each in enumerate(root.findall("object"), start=1):
        place = f"{entry.place}, object {number}"
        ignored += [Ignored(place, "part", "a part of an object") for _ in each.findall("part")]
        with noted(ignored, place, "object"):
            label = _text(each, "name")
            marks += [Mark(label, shape, source=place) for shape in _shapes(each, first)]
    stated = root.find("size")
    # labelImg writes 0 for images that it could not open again.
    size = [0.0, 0.0] if stated is None else [_number(stated, side, default=0.0) for side in ("height", "width")]
    whole = (int(size[0]), int(size[1])) if min(size) >= 1 and max(size) < 2**31 else None
    return ImageMarks(_name(entry, root, sizes), whole, tuple(marks))


def _name(entry: Entry, root: Element, sizes: Sizes) -> str:
    """The stated file name; where there is no such image, the name of the XML file."""
    stated = (root.findtext("filename") or root.findtext("path") or "").strip().replace("\\", "/")
    own = entry.folder + entry.stem
    if not stated or (not is_known(stated, sizes) and is_known(own, sizes)):
        return own
    return stated


def _shapes(each: Element, first: int) -> Iterator[Shape]:
    """A polygon, which Roboflow writes beside its box; a rotated box, as roLabelImg writes it; or the box."""
    polygon, rotated, box = (each.find(part) for part in ("polygon", "robndbox", "bndbox"))
    if polygon is not None and polygon.find("x1") is not None:
        count = sum(1 for child in polygon if child.tag.startswith("x"))
        ring = [[_number(polygon, f"{axis}{vertex}") for axis in "yx"] for vertex in range(1, count + 1)]
        yield Polygon(((np.array(ring, float),),))
    elif rotated is not None:
        row, column, height, width, angle = (_number(rotated, name) for name in ("cy", "cx", "h", "w", "angle"))
        edges = (row - height / 2, column - width / 2, row + height / 2, column + width / 2)
        yield Box(*edges, degrees=math.degrees(angle))
    elif box is not None:
        top, left = _number(box, "ymin") - first, _number(box, "xmin") - first
        yield Box(top, left, _number(box, "ymax"), _number(box, "xmax"))
    else:
        raise DataInvalid("it has no box")


def _text(parent: Element, name: str) -> str:
    text = parent.findtext(name)
    if text is None:
        raise DataInvalid(f"damaged: it has no '{name}'")
    return text.strip()


def _number(parent: Element, name: str, default: float | None = None) -> float:
    try:
        return float(_text(parent, name))
    except (DataInvalid, ValueError):
        if default is None:
            raise
        return default


VOC_XML = Format("Pascal VOC", _claims, _read)
