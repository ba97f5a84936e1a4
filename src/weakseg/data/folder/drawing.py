"""Scribbles on one image, from values or colours."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from weakseg.data.folder.legend import Legend
from weakseg.data.images.colours import named, number_of, rgba_of, written
from weakseg.data.images.label_file import holds_colours, read_colours, read_labels, read_values_or_colours
from weakseg.data.images.stored import Reading
from weakseg.data.label_values.painted_scribbles import Strokes, strokes_of
from weakseg.errors import DataInvalid
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
    """Description of the pixels that were assumed to be unlabelled; empty if none were."""


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
