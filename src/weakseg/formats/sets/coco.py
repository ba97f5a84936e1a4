"""COCO: one JSON file for many images.

Corners of polygons and boxes are edge coordinates, x before y. The regions of crowds are regions of their class, as
any others; the boxes of crowds are those of no object.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.codes import ColumnRuns, counts_of, counts_of_text
from weakseg.formats.entry import Entry
from weakseg.formats.format import Format, Sizes, is_known, noted
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Box, Mask, Point, Polygon, Shape


@dataclass
class ListedImage:
    """An image that a file lists, and what was found for it."""

    name: str
    size: tuple[int, int] | None
    marks: list[Mark] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


def _claims(entry: Entry) -> bool:
    content = entry.json
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in ("images", "annotations"))


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    return Annotations.joined(_file(entry, sizes) for entry in entries)


def _file(entry: Entry, sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    content = entry.json
    images = images_in(entry, sizes, ignored)
    names = classes_in(content, entry.place, ignored)
    for number, annotation in enumerate(content["annotations"], start=1):
        place = f"{entry.place}, annotation {number}"
        with noted(ignored, place, "annotation"):
            _add(annotation, place, images, names, ignored)
    found = (ImageMarks(each.name, each.size, tuple(each.marks), tuple(each.present)) for each in images.values())
    return Annotations(tuple(found), declared(content, names), tuple(ignored), _notes(content))


def _notes(content: dict[str, Any]) -> tuple[str, ...]:
    info = content.get("info")
    if isinstance(info, dict) and info.get("contributor") == "Label Studio":
        # Its masks are traced through the centres of their outermost pixels, its photos lose their orientation.
        return ("a COCO export of Label Studio has smaller masks than were drawn and no points: export JSON instead",)
    return ()


def images_in(entry: Entry, sizes: Sizes, ignored: list[Ignored]) -> dict[Any, ListedImage]:
    """The images that a file lists, by identifier; those that share one are left out."""
    images: dict[Any, ListedImage] = {}
    listed = entry.json["images"]
    # Counted before anything is read: of two images with one id neither may be taken, since annotations could be of
    # either.
    times = Counter(identifier(image.get("id")) for image in listed if isinstance(image, dict))
    for number, image in enumerate(listed, start=1):
        with noted(ignored, f"{entry.place}, image {number}", "image"):
            key, size = identifier(image["id"]), (image.get("height"), image.get("width"))
            if times[key] > 1:
                raise DataInvalid(f"{times[key]} images have the id {key}")
            images[key] = ListedImage(_name(image, sizes), (int(size[0]), int(size[1])) if all(size) else None)
    return images


def _name(image: dict[str, Any], sizes: Sizes) -> str:
    """Its file; Roboflow keeps the name before the upload beside it."""
    name, extra = str(image["file_name"]), image.get("extra")
    # Roboflow renames files at upload, and people keep the photos under their own names.
    original = extra.get("name") if isinstance(extra, dict) else None
    if original and not is_known(name, sizes) and is_known(str(original), sizes):
        return str(original)
    return name


def classes_in(content: dict[str, Any], place: str, ignored: list[Ignored]) -> dict[Any, str]:
    """The names of the categories, by identifier."""
    names: dict[Any, str] = {}
    for number, category in enumerate(_categories(content), start=1):
        with noted(ignored, f"{place}, category {number}", "category"):
            key, name = identifier(category["id"]), str(category["name"])
            # The same category twice is harmless; two names for one id are not.
            if names.setdefault(key, name) != name:
                raise DataInvalid(f"the categories '{names[key]}' and '{name}' have the id {key}")
    return names


def _categories(content: dict[str, Any]) -> list[Any]:
    categories = content.get("categories")
    return categories if isinstance(categories, list) else []


def declared(content: dict[str, Any], names: Mapping[Any, str]) -> tuple[str, ...]:
    """The classes in the order of their identifiers, without headings that nothing is annotated as."""
    annotations = [each for each in content["annotations"] if isinstance(each, dict)]
    used = {identifier(each.get("category_id")) for each in annotations}
    headings = {
        each.get("supercategory")
        for each in _categories(content)
        if isinstance(each, dict) and each.get("supercategory") != each.get("name")
        if isinstance(each.get("supercategory"), str)
    }
    # Roboflow lists the data set itself as a category, as the heading of the others.
    kept = [key for key, name in names.items() if key in used or name not in headings]
    return tuple(names[key] for key in sorted(kept, key=lambda key: (isinstance(key, str), key)))


def identifier(value: object) -> int | str:
    """An identifier as it is compared: programs write 7, 7.0 and "7" for the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text


def _add(
    annotation: dict[str, Any],
    place: str,
    images: Mapping[Any, ListedImage],
    names: Mapping[Any, str],
    ignored: list[Ignored],
) -> None:
    image = images.get(identifier(annotation["image_id"]))
    if image is None:
        raise DataInvalid(f"the file has no image with the id {annotation['image_id']}")
    if annotation.get("caption") is not None:
        raise DataInvalid("a caption names no class")
    label = names.get(identifier(annotation["category_id"]))
    if label is None:
        raise DataInvalid(f"the file has no category with the id {annotation['category_id']}")
    # An annotation of a class without a place, as classification projects export it.
    if not any(key in annotation for key in ("segmentation", "bbox", "keypoints")):
        image.present.append(label)
        return
    for shape in _shapes(annotation, image.size, place, ignored):
        image.marks.append(Mark(label, shape, source=place))


def _shapes(
    annotation: dict[str, Any], size: tuple[int, int] | None, place: str, ignored: list[Ignored]
) -> Iterator[Shape]:
    """The region if there is one, else the box; and the key points."""
    points = list(_key_points(annotation.get("keypoints") or (), place, ignored))
    region, box = annotation.get("segmentation"), annotation.get("bbox")
    before = len(ignored)
    found = list(_region(region, size, place, ignored)) if region else []
    yield from found
    if box and not found and annotation.get("iscrowd"):
        ignored.append(Ignored(place, "bbox", "the box of a crowd"))
    elif box and not found:
        with noted(ignored, place, "bbox"):
            yield _box(box)
    if not found and not box and not points and len(ignored) == before:
        raise DataInvalid("neither a region nor a box")
    yield from points


def _region(
    region: dict[str, Any] | list[Any], size: tuple[int, int] | None, place: str, ignored: list[Ignored]
) -> Iterator[Shape]:
    """The polygon, whose parts are united, and the masks."""
    # Some programs wrap run lengths in a list, and others forget the list around the only polygon.
    pieces = region if isinstance(region, list) else [region]
    pieces = [pieces] if isinstance(pieces[0], int | float) else pieces
    rings = []
    for piece in pieces:
        with noted(ignored, place, "mask" if isinstance(piece, dict) else "polygon"):
            if isinstance(piece, dict):
                yield _mask(piece, size)
            else:
                rings.append((_ring(piece),))
    if rings:
        yield Polygon(tuple(rings))


def _ring(numbers: Sequence[Any]) -> Float[np.ndarray, "N 2"]:
    flat = np.array(numbers, float).ravel()
    if len(flat) % 2:
        raise DataInvalid(f"a polygon of {len(flat)} numbers, an odd count")
    ring = flat.reshape(-1, 2)[:, ::-1]
    # Checked for each alone, so that the others are kept.
    Polygon(((ring,),))
    return ring


def _mask(code: dict[str, Any], size: tuple[int, int] | None) -> Mask:
    height, width = (int(side) for side in code["size"])
    if size is not None and (height, width) != size:
        raise DataInvalid(f"a mask {width} wide and {height} high of an image {size[1]} wide and {size[0]} high")
    counts = code["counts"]
    runs = counts_of_text(counts) if isinstance(counts, str) else counts_of(counts)
    return Mask(0, 0, height, width, ColumnRuns(runs))


def _box(numbers: Sequence[Any]) -> Box:
    left, top, width, height = np.array(numbers, float).ravel().tolist()
    return Box(top, left, top + height, left + width)


def _key_points(numbers: Sequence[Any], place: str, ignored: list[Ignored]) -> Iterator[Point]:
    """Those that are seen: what hides one is of another class."""
    for x, y, seen in zip(*(iter(numbers),) * 3, strict=False):
        with noted(ignored, place, "key point"):
            if seen == 1:
                raise DataInvalid("it is hidden behind something")
            if seen:
                yield Point(float(y), float(x))


COCO = Format("COCO", _claims, _read)
