"""Annotations brought to the images they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from weakseg.annotations.ground import placed, require_grid
from weakseg.annotations.names import ImageNames
from weakseg.annotations.reading import read_annotations
from weakseg.data.images.image_file import orientation_of, size_of
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.images.stored import USUAL, Reading
from weakseg.errors import DataInvalid
from weakseg.marks.mark import Annotations, ImageMarks


@dataclass(frozen=True)
class Matched:
    """Annotations by image."""

    images: dict[str, ImageMarks]
    """Marks of each image that has any entry in the files, by key."""
    sizes: dict[str, tuple[int, int]]
    """(height, width) of those images."""
    without_image: tuple[ImageMarks, ...]
    """Entries whose image is missing."""
    annotations: Annotations
    """Everything that the files hold."""


def matched(paths: Sequence[Path], images: Mapping[str, Path], reading: Reading = USUAL) -> Matched:
    """The annotations in files, by image.

    Args:
        paths: files, folders and archives of annotations.
        images: path of each image, by key.
        reading: the orientation in which images are read.

    Raises:
        DataInvalid: a name means two images, an image has another size than the annotations state, or no entry belongs
            to any image; all problems at once.
    """
    names = ImageNames(images)

    @cache
    def size_by_name(name: str) -> tuple[int, int] | None:
        key = names.key(name)
        return None if key is None else size_of(images[key], reading)

    def sizes(name: str) -> tuple[int, int] | None:
        try:
            return size_by_name(name)
        except DataInvalid:
            return None  # told below, once an image

    annotations = read_annotations(paths, sizes)
    found: dict[str, ImageMarks] = {}
    known: dict[str, tuple[int, int]] = {}
    without, problems = [], []
    for entry in annotations.images:
        try:
            key = names.key(entry.name)
            if key is None:
                without.append(entry)
                continue
            # The header is read once, however many files speak of the image.
            known[key] = known.get(key) or size_of(images[key], reading)
            _require_orientation(entry, images[key], reading)
            _require_size(entry, images[key], known[key])
            if entry.ground is not None:
                require_grid(entry, images[key])
            found[key] = _together(found[key], entry) if key in found else entry
        except DataInvalid as problem:
            problems.append(problem)
    # A few images without a file are listed in the report of the import; none at all is the wrong folder.
    if annotations.images and not found and not problems:
        problems.append(_no_image(without, images))
    if annotations.ground:
        try:
            annotations = _with_ground(annotations, images, reading, found, known)
        except DataInvalid as problem:
            problems.append(problem)
    if problems:
        raise DataInvalid.of(problems)
    return Matched(found, known, tuple(without), annotations)


_GIVE_IMAGES = "name the folder of the annotated images with --images, or put them into images/ of the data folder"


def _with_ground(
    annotations: Annotations,
    images: Mapping[str, Path],
    reading: Reading,
    found: dict[str, ImageMarks],
    known: dict[str, tuple[int, int]],
) -> Annotations:
    """Add the marks that lie on the ground to those of images, and what is to be said of them to the annotations."""
    on = placed(annotations.ground, images, reading)
    for key, entry in on.images.items():
        assert entry.size is not None
        known[key] = entry.size
        found[key] = _together(found[key], entry) if key in found else entry
    return replace(annotations, ignored=annotations.ignored + on.ignored, notes=annotations.notes + on.notes)


def _together(one: ImageMarks, other: ImageMarks) -> ImageMarks:
    """The marks of an image that several files or annotators describe."""
    marks, present = (*one.marks, *other.marks), (*one.present, *other.present)
    return replace(one, marks=marks, present=present, absent=(*one.absent, *other.absent))


def _require_orientation(entry: ImageMarks, path: Path, reading: Reading) -> None:
    """Refuse marks that were drawn on a turned photo as it is not read here."""
    if entry.ignores_exif is not reading.upright or orientation_of(path) == AS_STORED:
        return
    if entry.ignores_exif:
        found = f"{path} is turned by its EXIF orientation, which the program of its annotations ignores"
        fix = 'write `exif = "ignore"` into dataset.toml and read the annotations in place, for all images alike'
        raise DataInvalid(found, expected="marks on the photo as it is shown", fix=fix)
    found = f'{path} is turned by its EXIF orientation, which `exif = "ignore"` leaves out and its annotations do not'
    raise DataInvalid(found, expected="marks on the photo as it is stored", fix="remove that line from dataset.toml")


def _require_size(entry: ImageMarks, path: Path, size: tuple[int, int]) -> None:
    if entry.size is None or entry.size == size:
        return
    (height, width), (own_height, own_width) = entry.size, size
    found = f"{path} is {own_width} wide and {own_height} high, but its annotations are for {width} by {height}"
    if entry.size == size[::-1]:
        fix = "do not resize it: it was annotated without its EXIF rotation; rotate it, or annotate it again"
    else:
        fix = "give the folder of the images that were annotated: this one was resized or cropped since"
    raise DataInvalid(found, expected="the same size", fix=fix)


def _no_image(without: Sequence[ImageMarks], images: Mapping[str, Path]) -> DataInvalid:
    found = f"none of the {len(without)} annotated images is there (the first is '{without[0].name}')"
    example = next(iter(images.values())).name if images else ""
    expected = f"images named as in the annotations; the folder has {len(images)}, {example} among them"
    return DataInvalid(found, expected=expected, fix=_GIVE_IMAGES)
