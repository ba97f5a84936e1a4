"""Supervisely: one JSON file an image, `meta.json` for all.

The program stores fractions of pixels; its Python package whole ones, which are pixels and not edges.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from weakseg.errors import DataInvalid
from weakseg.formats.codes import Bitmap, from_base64
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Box, Line, Mask, Point, Polygon, Shape, box_of, from_xy

_HEADER_BYTES = 2**10
_PIXEL_BYTES, _MORE_BYTES = 9, 2**16
"""Most bytes of a pixel of a PNG, and of all else in it."""


@dataclass(frozen=True)
class Squeezed:
    """An image file, compressed once more."""

    data: bytes
    threshold: int

    def __repr__(self) -> str:
        return f"Squeezed({len(self.data)} bytes)"

    def size(self) -> tuple[int, int]:
        """(height, width) in the header."""
        # Enough for a PNG's header: the size is known before the mask is unpacked.
        return Bitmap(self._inflated(_HEADER_BYTES)).size()

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        # A few bytes may inflate to any number.
        inflated = self._inflated((height * width + height) * _PIXEL_BYTES + _MORE_BYTES)
        return Bitmap(inflated, self.threshold).pixels(height, width)

    def _inflated(self, most: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(self.data, most)
        except zlib.error as error:
            raise DataInvalid(f"a damaged bitmap: {error}") from error


def _claims(entry: Entry) -> bool:
    content = entry.json
    if not isinstance(content, dict):
        return False
    return _is_meta(content) or (isinstance(content.get("objects"), list) and {"size", "tags"} & set(content) != set())


def _is_meta(content: dict[str, Any]) -> bool:
    classes = content.get("classes")
    return holds(content, "tags") and isinstance(classes, list) and all(holds(each, "title") for each in classes)


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    titles: dict[Any, str] = {}
    # meta.json first: annotations may name their class by its number alone.
    for entry in sorted(entries, key=lambda entry: not f"/{entry.name}".endswith("/meta.json")):
        content = entry.json
        with noted(ignored, entry.place, "file"):
            if _is_meta(content):
                titles |= {each.get("id", each["title"]): str(each["title"]) for each in content["classes"]}
            elif holds(content, "frames"):
                raise DataInvalid("it is of a video: export its frames as images")
            else:
                images.append(_image(entry, titles, ignored))
    return Annotations(tuple(images), tuple(dict.fromkeys(titles.values())), tuple(ignored))


def _image(entry: Entry, titles: dict[Any, str], ignored: list[Ignored]) -> ImageMarks:
    content = entry.json
    marks: list[Mark] = []
    present: list[str] = []
    for number, one in enumerate(content["objects"], start=1):
        place = f"{entry.place}, object {number}"
        with noted(ignored, place, str(one.get("geometryType"))):
            label = one.get("classTitle") or titles.get(one.get("classId"))
            if not isinstance(label, str):
                raise DataInvalid("it has no class")
            marks += [Mark(label, shape, source=place) for shape in _shapes(one)]
    for number, tag in enumerate(content.get("tags") or (), start=1):
        with noted(ignored, f"{entry.place}, tag {number}", "tag"):
            # Old files hold the names alone.
            name = tag if isinstance(tag, str) else tag["name"]
            require_name(name)
            present.append(name)
    size = content.get("size")
    stated = isinstance(size, dict) and size.get("height") and size.get("width")
    return ImageMarks(
        # Projects have the images in img/, and the annotations in ann/ beside it.
        name=f"/{entry.folder}{entry.stem}".replace("/ann/", "/img/").removeprefix("/"),
        size=(int(size["height"]), int(size["width"])) if stated else None,
        marks=tuple(marks),
        present=tuple(dict.fromkeys(present)),
    )


def _shapes(one: dict[str, Any]) -> Iterable[Shape]:
    kind = one.get("geometryType") or ("bitmap" if one.get("bitmap") else "polygon")
    if kind not in _SHAPES:
        raise DataInvalid("shapes of this kind are not read")
    return _SHAPES[kind](one)


def _vertices(points: Any) -> np.ndarray:
    """Vertices in edge coordinates."""
    vertices = from_xy(points)
    # Whole numbers count pixels, whose centres lie half a pixel further; fractions are edge coordinates already.
    return vertices + 0.5 if _are_pixels(points) else vertices


def _are_pixels(points: Any) -> bool:
    """Whether points are pixels, as the Python package writes them."""
    return all(isinstance(number, int) for point in points for number in point)


def _points(points: Any) -> list[Shape]:
    return [Point(*point) for point in _vertices(points).tolist()]


def _graph(one: dict[str, Any]) -> list[Shape]:
    return [point for node in one["nodes"].values() for point in _points([node["loc"]])]


def _line(one: dict[str, Any]) -> list[Shape]:
    return [Line(_vertices(one["points"]["exterior"]))]


def _polygon(one: dict[str, Any]) -> Polygon:
    points = one["points"]
    return Polygon((tuple(_vertices(ring) for ring in (points["exterior"], *(points.get("interior") or ()))),))


def _rectangle(one: dict[str, Any]) -> Box:
    points = one["points"]["exterior"]
    box = box_of(from_xy(points))
    # The last pixel is part of it.
    return Box(box.top, box.left, box.bottom + 1, box.right + 1) if _are_pixels(points) else box


def _mask(one: dict[str, Any], threshold: int = 1) -> Mask:
    bitmap = one["bitmap"]
    left, top = (int(number) for number in bitmap["origin"])
    data = from_base64(bitmap["data"])
    code = Bitmap(data, threshold) if data.startswith(b"\x89PNG") else Squeezed(data, threshold)
    return Mask(top, left, *code.size(), code)


_SHAPES: dict[str, Callable[[dict[str, Any]], Iterable[Shape]]] = {
    "polygon": lambda one: [_polygon(one)],
    "line": _line,
    "polyline": _line,
    "point": lambda one: _points(one["points"]["exterior"]),
    "graph": _graph,
    "rectangle": lambda one: [_rectangle(one)],
    "bitmap": lambda one: [_mask(one)],
    "alpha_mask": lambda one: [_mask({"bitmap": one.get("bitmap") or one.get("alpha_mask")}, threshold=128)],
}

SUPERVISELY = Format("Supervisely", _claims, _read)
