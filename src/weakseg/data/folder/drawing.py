"""Scribbles on one image, from values or colours."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from weakseg.annotations.account import classes_of
from weakseg.annotations.matched import matched
from weakseg.data.folder.legend import Legend
from weakseg.data.images.colours import named, number_of, rgba_of, written
from weakseg.data.images.label_file import holds_colours, read_colours, read_labels, read_values_or_colours
from weakseg.data.images.stored import Reading
from weakseg.data.label_values.painted_scribbles import Strokes, strokes_of
from weakseg.data.stroke import draw_into
from weakseg.errors import DataInvalid
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

_OF_FILES = 255
"""Default value of unlabelled pixels in label maps."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Scribbles on one image, with the labels of its mask."""

    labels: Int[np.ndarray, "H W"]
    nothing: int
    """Label of the pixels where nothing is drawn."""
    names: dict[int, str] = field(default_factory=dict)
    """Names of the labels, if they have names."""
    colors: UInt8[np.ndarray, "n 3"] | None = None
    """Colours of the labels from 0 on; `None`: the VOC colours."""
    guessed: str = ""
    """What was assumed or left out; empty if nothing was."""


def read_drawing(path: Path, reading: Reading, unlabeled: str | None = None, legend: Legend | None = None) -> Drawing:
    """The scribbles in a file.

    Args:
        path: a label map or a painting.
        reading: its orientation.
        unlabeled: the value, "#rrggbb" or "transparent" where nothing is drawn; `None`: 255, or the ground of a
            painting.
        legend: the meaning of values and colours, `unlabeled` among them.

    Raises:
        DataInvalid: the file cannot be read, or has other contents.
    """
    try:
        if legend is not None:
            return _declared(path, reading, unlabeled, legend)
        if holds_colours(path):
            painted = read_colours(path, reading)
            return _painted(painted, None if unlabeled is None else _colour(unlabeled))
    except DataInvalid as problem:
        raise problem if str(path) in problem.found else problem.at(path) from problem
    value = _value(unlabeled, path)
    return Drawing(read_labels(path, reading), value)


def read_marks(file: Path, image: Path, reading: Reading, legend: Legend | None = None) -> Drawing:
    """The marks on an image in the file of an annotation tool.

    Args:
        file: a file, folder or archive.
        image: the image.
        reading: its orientation.
        legend: the classes, and what marks become; `None`: the classes of the file.

    Raises:
        DataInvalid: the file cannot be read, or says nothing of the image.
    """
    found, uses = matched([file], {image.stem: image}, reading), Uses()
    names = classes_of(found, uses)
    index, becomes, numbers = names.index, range(len(names)), range(len(names))
    if legend is not None:
        uses, names = legend.declaration.uses, legend.classes.names
        index, becomes, numbers = legend.index, legend.becomes, legend.numbers
    marks = labels_of(found.images[image.stem], found.sizes[image.stem], len(becomes), index, uses)
    for click in marks.clicks:
        draw_into(marks.seeds, click.points, click.width_px, click.label)
    nothing = min(numbers, default=0) - 1
    value = np.array([*(numbers[label] for label in becomes), nothing])
    told = [problem.found for problem in marks.problems]
    if unused := sum(each in ("box", "tag") for each in marks.became):
        told.append(f"{unused} marks are boxes and tags, which are not used here")
    return Drawing(value[marks.seeds], nothing, dict(zip(numbers, names, strict=True)), guessed="; ".join(told))


def _declared(path: Path, reading: Reading, unlabeled: str | None, legend: Legend) -> Drawing:
    if unlabeled is not None:
        fix = "leave out --unlabeled: dataset.toml of the --legend declares it"
        raise DataInvalid(f"--unlabeled {unlabeled} with --legend", fix=fix)
    raw = read_values_or_colours(path, bool(legend.convention("scribbles").colours), reading)
    labels, numbers = legend.labels(raw, "scribbles"), np.array(legend.numbers)
    nothing = min(legend.numbers) - 1
    names = dict(zip(legend.numbers, legend.classes.names, strict=True))
    return Drawing(np.where(labels == UNLABELED, nothing, numbers[labels]), nothing, names)


def _painted(painted: Int[np.ndarray, "H W"], ground: int | None) -> Drawing:
    strokes = strokes_of(painted, ground)
    guessed = [f"{named(strokes.ground)} is assumed to be unlabelled"] if ground is None else []
    guessed += [f"{strokes.blended:,} pixels on blended edges as well"] if strokes.blended else []
    rgba = rgba_of(np.array(strokes.colours, int))
    numbers, colors = np.arange(len(rgba)), rgba[:, :3]
    if _is_grey(strokes):
        # Values that were saved as grey colours stay values.
        numbers, colors = rgba[:, 0].astype(int), None
    names = dict(zip(numbers.tolist(), map(named, strokes.colours), strict=True))
    labels = np.append(numbers, UNLABELED)[strokes.labels]
    return Drawing(labels, UNLABELED, names, colors, ", ".join(guessed))


def _is_grey(strokes: Strokes) -> bool:
    red, green, blue, opacity = rgba_of(np.array([*strokes.colours, strokes.ground])).T
    return bool((red == green).all() and (green == blue).all() and (opacity == 255).all())


def _colour(unlabeled: str) -> int:
    """The number of a colour, or of a grey value."""
    grey = f"#{3 * f'{int(unlabeled):02x}'}" if unlabeled.isdecimal() and int(unlabeled) <= 255 else unlabeled
    if (colour := written(grey)) is None:
        raise DataInvalid(f"--unlabeled {unlabeled}", expected='"#rrggbb", transparent or a grey value from 0 to 255')
    return number_of(colour)


def _value(unlabeled: str | None, path: Path) -> int:
    try:
        return _OF_FILES if unlabeled is None else int(unlabeled)
    except ValueError as error:
        expected = f"a whole number, because {path} holds numbers"
        raise DataInvalid(f"--unlabeled {unlabeled}", expected=expected) from error
