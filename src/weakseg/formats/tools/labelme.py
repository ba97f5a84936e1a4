"""LabelMe: one JSON file an image.

Coordinates are those of the image as shown; flags that are set are tags.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weakseg.errors import DataInvalid
from weakseg.formats.codes import Bitmap
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Ellipse, Line, Mask, Point, Polygon, Shape, box_of, from_xy, turned_box


def _claims(entry: Entry) -> bool:
    return holds(entry.json, "shapes", "imagePath")


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            images.append(_image(entry, sizes, ignored))
    return Annotations(tuple(images), ignored=tuple(ignored))


def _image(entry: Entry, sizes: Sizes, ignored: list[Ignored]) -> ImageMarks:
    content = entry.json
    marks = []
    for number, shape in enumerate(content["shapes"], start=1):
        place = f"{entry.place}, shape {number}"
        # Each shape by itself: one that is damaged costs no other.
        with noted(ignored, place, str(shape.get("shape_type") or "polygon")):
            marks.append(Mark(str(shape["label"]), _shape(shape), source=place))
    flags = content.get("flags") or {}
    size = (content.get("imageHeight"), content.get("imageWidth"))
    return ImageMarks(
        name=_name(entry, sizes),
        size=(int(size[0]), int(size[1])) if all(size) else None,
        marks=tuple(marks),
        present=tuple(name for name, is_set in flags.items() if is_set is True),
    )


def _name(entry: Entry, sizes: Sizes) -> str:
    """The image: by its path in the file, else the one that is named like the file, as scripts leave it."""
    # A Windows machine writes its own separators.
    name, own = str(entry.json["imagePath"]).replace("\\", "/"), entry.folder + entry.stem
    return own if not is_known(name, sizes) and is_known(own, sizes) else name


def _shape(shape: dict[str, Any]) -> Shape:
    kind = shape.get("shape_type") or "polygon"
    if kind not in _SHAPES:
        raise DataInvalid(f"the kind '{kind}' is unknown")
    return _SHAPES[kind](from_xy(shape["points"]), shape)


def _circle(points: np.ndarray, shape: dict[str, Any]) -> Ellipse:
    centre, rim = points
    radius = float(np.hypot(*(rim - centre)))
    return Ellipse(float(centre[0]), float(centre[1]), radius, radius)


def _mask(points: np.ndarray, shape: dict[str, Any]) -> Mask:
    (top, left), code = points.min(0).tolist(), Bitmap.of_base64(shape["mask"])
    # The corners may be those of its first and last pixels or of its outline; the bitmap has the size.
    return Mask(round(top), round(left), *code.size(), code)


_SHAPES: dict[str, Callable[[np.ndarray, dict[str, Any]], Shape]] = {
    "polygon": lambda points, _: Polygon(((points,),)),
    "oriented_rectangle": lambda points, _: turned_box(points),
    "rectangle": lambda points, _: box_of(points),
    "circle": _circle,
    "line": lambda points, _: Line(points),
    "linestrip": lambda points, _: Line(points),
    "point": lambda points, _: Point(*points[0].tolist()),
    "mask": _mask,
}

LABELME = Format("LabelMe", _claims, _read, ignores_exif=False)
