"""Darwin: V7's files, version 2, one JSON file an item.

Painted masks lie together in one layer of values, row by row; each value is the number of an annotation with a name.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from weakseg.errors import DataInvalid
from weakseg.formats.codes import RowRuns, counts_of
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark, require_name
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, Shape, from_xy


def _claims(entry: Entry) -> bool:
    content = entry.json
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        return False
    return isinstance(content.get("item"), dict) or _is_old(content)


def _is_old(content: dict[str, Any]) -> bool:
    """Whether a file has version 1."""
    return holds(content, "dataset") and holds(content.get("image"), "filename")


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images: list[ImageMarks] = []
    for entry in entries:
        with noted(ignored, entry.place, "file"):
            if _is_old(entry.json):
                raise DataInvalid("it has version 1 of the format: export Darwin JSON 2.0")
            images += _item(entry, sizes, ignored)
    return Annotations(tuple(images), ignored=tuple(ignored))


def _item(entry: Entry, sizes: Sizes, ignored: list[Ignored]) -> Iterator[ImageMarks]:
    """The images of an item, one for each of its slots."""
    content = entry.json
    item, annotations = content["item"], content["annotations"]
    slots = item.get("slots") or [{}]
    for slot in slots:
        name = _name(item, slot, len(slots))
        marks: list[Mark] = []
        present: list[str] = []
        size = (int(slot["height"]), int(slot["width"])) if slot.get("height") and slot.get("width") else sizes(name)
        for number, annotation in enumerate(annotations, start=1):
            place = f"{entry.place}, annotation {number}"
            if isinstance(annotation, dict) and _lies_on(annotation, slot, slots):
                with noted(ignored, place, _kind(annotation)):
                    if "frames" in annotation:
                        raise DataInvalid("it is of a video: export its frames as images")
                    if "tag" in annotation:
                        require_name(annotation["name"])
                        present.append(annotation["name"])
                    elif "raster_layer" in annotation:
                        marks += _painted(annotation, annotations, size, place, ignored)
                    elif "mask" not in annotation:
                        shapes = _SHAPES.get(_kind(annotation), _unknown)(annotation)
                        marks += [Mark(annotation["name"], shape, source=place) for shape in shapes]
                    elif not _is_painted(annotation, annotations):
                        raise DataInvalid("no layer of the file holds its pixels")
            elif not isinstance(annotation, dict) and slot is slots[0]:
                ignored.append(Ignored(place, "annotation", "damaged: it is no object"))
        yield ImageMarks(name, size, tuple(marks), tuple(dict.fromkeys(present)))


def _name(item: dict[str, Any], slot: dict[str, Any], count: int) -> str:
    """The item's name, which people see; of several slots the name of the file."""
    files = slot.get("source_files") or ()
    if count > 1 and files:
        return str(files[0]["file_name"] if isinstance(files[0], dict) else files[0])
    return f"{item.get('path') or ''}/{item['name']}".lstrip("/")


def _lies_on(annotation: dict[str, Any], slot: dict[str, Any], slots: list[Any]) -> bool:
    names = annotation.get("slot_names") or [slots[0].get("slot_name")]
    known = [each.get("slot_name") for each in slots]
    # An annotation that names no known slot belongs to the first, as the tool shows it.
    return slot.get("slot_name") in names or (slot is slots[0] and not set(names) & set(known))


def _kind(annotation: dict[str, Any]) -> str:
    kinds = (*_SHAPES, "tag", "mask", "raster_layer")
    return next((kind for kind in kinds if kind in annotation), "annotation")


def _painted(
    layer: dict[str, Any], annotations: list[Any], size: tuple[int, int] | None, place: str, ignored: list[Ignored]
) -> Iterator[Mark]:
    """The masks of a layer."""
    if size is None:
        raise DataInvalid("the file states no size for its image, and the image is not there")
    names = {each.get("id"): each.get("name") for each in annotations if isinstance(each, dict)}
    raster = layer["raster_layer"]
    # Pairs of value and length; an odd number of entries cannot be reshaped, and is reported as damaged.
    pairs = counts_of(raster["dense_rle"]).reshape(-1, 2)
    values, lengths = pairs.T
    mapping = raster["mask_annotation_ids_mapping"]
    for key, value in mapping.items():
        with noted(ignored, f"{place}, value {str(value)[:20]}", "mask"):
            name = names.get(key)
            if not isinstance(name, str):
                raise DataInvalid("no annotation has the number of this mask")
            # Runs of one mask and runs of all else in turn: zero lengths keep the order of inside and outside.
            own = values == int(value)
            counts = np.stack([np.where(own, 0, lengths), np.where(own, lengths, 0)], 1).ravel()
            yield Mark(name, Mask(0, 0, *size, RowRuns(counts)), source=place)
    unknown = set(values.tolist()) - {0, *(value for value in mapping.values() if isinstance(value, int))}
    if unknown:
        ignored.append(Ignored(place, "mask", f"the values {sorted(unknown)[:5]} are of no annotation"))


def _is_painted(mask: dict[str, Any], annotations: list[Any]) -> bool:
    layers = [each["raster_layer"] for each in annotations if holds(each, "raster_layer")]
    mappings = [layer.get("mask_annotation_ids_mapping") for layer in layers if isinstance(layer, dict)]
    return any(isinstance(mapping, dict) and mask.get("id") in mapping for mapping in mappings)


def _points(path: Any) -> np.ndarray:
    return from_xy((point["x"], point["y"]) for point in path)


def _polygon(annotation: dict[str, Any]) -> list[Shape]:
    polygon = annotation["polygon"]
    paths = polygon.get("paths") or [polygon["path"], *(polygon.get("additional_paths") or ())]
    return [Polygon((tuple(_points(path) for path in paths),))]


def _box(annotation: dict[str, Any]) -> list[Shape]:
    box = annotation["bounding_box"]
    top, left = float(box["y"]), float(box["x"])
    return [Box(top, left, top + float(box["h"]), left + float(box["w"]))]


def _ellipse(annotation: dict[str, Any]) -> list[Shape]:
    ellipse = annotation["ellipse"]
    centre, radius, angle = ellipse["center"], ellipse["radius"], float(ellipse.get("angle") or 0)
    row, column, rows, columns = (float(part[axis]) for part in (centre, radius) for axis in ("y", "x"))
    return [Ellipse(row, column, rows, columns, math.degrees(angle))]


def _clicks(points: Any) -> list[Shape]:
    return [Point(*point) for point in _points(points).tolist()]


def _unknown(annotation: dict[str, Any]) -> list[Shape]:
    raise DataInvalid("shapes of this kind are not read")


# Polygons have a box as well, which says nothing more.
_SHAPES: dict[str, Callable[[dict[str, Any]], list[Shape]]] = {
    "polygon": _polygon,
    "ellipse": _ellipse,
    "line": lambda annotation: [Line(_points(annotation["line"]["path"]))],
    "keypoint": lambda annotation: _clicks([annotation["keypoint"]]),
    "skeleton": lambda annotation: _clicks(annotation["skeleton"]["nodes"]),
    "cuboid": _unknown,
    "bounding_box": _box,
}

DARWIN = Format("Darwin", _claims, _read)
