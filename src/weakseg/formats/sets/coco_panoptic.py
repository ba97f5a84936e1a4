"""COCO panoptic: one JSON file for many images, and a PNG for each, whose colours are numbers of segments."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.images.stored import header_of
from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, holds
from weakseg.formats.format import Format, Sizes, noted
from weakseg.formats.sets.coco import ListedImage, classes_in, declared, identifier, images_in
from weakseg.marks.mark import Annotations, Ignored, ImageMarks, Mark
from weakseg.marks.shapes import Mask


@dataclass(frozen=True)
class Segment:
    """The pixels of a PNG that have a segment's number."""

    file: Entry
    number: int

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        content = self.file.tree.read(self.file.name)
        with _reported(self.file):
            if (found := _size(content)) != (height, width):
                raise DataInvalid(f"it is {found[1]} wide and {found[0]} high", expected=f"{width} by {height}")
            return _numbers(content) == self.number


# Segments of an image come one after the other.
@lru_cache(maxsize=1)
def _numbers(content: bytes) -> Int[np.ndarray, "H W"]:
    values = np.asarray(header_of(BytesIO(content)).convert("RGB"), np.int32)
    return values @ np.array([1, 256, 65536], np.int32)


def _size(content: bytes) -> tuple[int, int]:
    """(height, width) in the header."""
    image = header_of(BytesIO(content))
    if image.mode not in ("RGB", "RGBA", "P"):
        raise DataInvalid("it is grey", expected="colours, which stand for numbers of segments")
    return image.height, image.width


@contextmanager
def _reported(file: Entry) -> Iterator[None]:
    try:
        yield
    except DataInvalid as problem:
        raise problem.at(file.place) from None
    except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error ...
        raise DataInvalid(f"{file.place} is damaged: {error}") from error


def _claims(entry: Entry) -> bool:
    content = entry.json
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        return False
    annotations = content.get("annotations")
    return isinstance(annotations, list) and any(holds(each, "segments_info") for each in annotations[:1])


def _read(entries: Sequence[Entry], sizes: Sizes) -> Annotations:
    return Annotations.joined(_file(entry, sizes) for entry in entries)


def _file(entry: Entry, sizes: Sizes) -> Annotations:
    ignored: list[Ignored] = []
    images, used = images_in(entry, sizes, ignored), []
    names = classes_in(entry.json, entry.place, ignored)
    for number, annotation in enumerate(entry.json["annotations"], start=1):
        place = f"{entry.place}, annotation {number}"
        with noted(ignored, place, "annotation"):
            image = images.get(identifier(annotation["image_id"]))
            if image is None:
                raise DataInvalid(f"the file has no image with the id {annotation['image_id']}")
            file, size = _png(entry, str(annotation["file_name"]))
            used.append(file.name)
            image.marks += _marks(annotation, file, image.size or size, names, ignored, place)
    found = (_finished(image) for image in images.values())
    segments = [each for annotation in entry.json["annotations"] for each in _segments(annotation)]
    classes = declared({**entry.json, "annotations": segments}, names)
    return Annotations(tuple(found), classes, tuple(ignored), used=tuple(used))


def _finished(image: ListedImage) -> ImageMarks:
    return ImageMarks(image.name, image.size, tuple(image.marks), tuple(image.present))


def _segments(annotation: object) -> list[Any]:
    segments = annotation.get("segments_info") if isinstance(annotation, dict) else None
    return segments if isinstance(segments, list) else []


def _png(entry: Entry, name: str) -> tuple[Entry, tuple[int, int]]:
    """The PNG of an image and its size; the folder is called like the JSON file, or holds it."""
    places = [entry.beside(f"{entry.stem}/{name}"), entry.beside(name)]
    # A file of that name anywhere else will do if it is the only one.
    elsewhere = [each for each in entry.tree.names if each.endswith("/" + name)]
    places += [Entry(entry.tree, each) for each in elsewhere if len(elsewhere) == 1]
    problems = []
    for file in places:
        try:
            content = file.tree.read(file.name)
            with _reported(file):
                return file, _size(content)
        except DataInvalid as problem:
            problems.append(problem.found)
    # Of several, what is wrong with one that is there says most.
    found = [problem for problem in problems if "missing" not in problem and "has no file" not in problem]
    raise DataInvalid(found[0] if found else f"its file {name} is missing, which belongs into {entry.stem}/")


def _marks(
    annotation: dict[str, Any],
    file: Entry,
    size: tuple[int, int],
    names: dict[Any, str],
    ignored: list[Ignored],
    place: str,
) -> Iterator[Mark]:
    for number, segment in enumerate(annotation["segments_info"], start=1):
        own = f"{place}, segment {number}"
        with noted(ignored, own, "segment"):
            label = names.get(identifier(segment["category_id"]))
            if label is None:
                raise DataInvalid(f"the file has no category with the id {segment['category_id']}")
            key = identifier(segment["id"])
            if not isinstance(key, int) or not 0 < key < 2**24:
                raise DataInvalid(f"the number {key} of a segment is no colour")
            yield Mark(label, Mask(0, 0, *size, Segment(file, key)), source=own)


COCO_PANOPTIC = Format("COCO panoptic", _claims, _read)
