"""Boxes and clicks of tables that do not lie on their image.

They would be cut off or dropped in training, so that a table measured at another size would teach little or wrongly.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from weakseg.data.folder.contents import Contents
from weakseg.data.sample import Stroke
from weakseg.errors import DataInvalid

Size = tuple[int, ...]
"""Height and width of an image."""


def boxes_outside(key: str, boxes: Float[np.ndarray, "N 5"], size: Size, names: Sequence[str]) -> Iterator[DataInvalid]:
    """An error for each box that exceeds its image."""
    height, width = size
    for label, top, left, bottom, right in boxes.tolist():
        if top < 0 or left < 0 or bottom > height or right > width:
            name = names[int(label)]
            yield DataInvalid(
                f"a box of '{name}' in {key} from x {left:g} to {right:g} and y {top:g} to {bottom:g} exceeds it",
                expected=f"x from 0 to {width} and y from 0 to {height}, the size of the image",
                fix="crop the box; if many exceed their images, x and y are exchanged or were measured at another size",
            )


def clicks_outside(key: str, strokes: Sequence[Stroke], size: Size, names: Sequence[str]) -> Iterator[DataInvalid]:
    """An error for each click beside its image."""
    height, width = size
    for stroke in strokes:
        row, column = stroke.points[0].tolist()
        # Pixel centres lie at integers, so the image begins half a pixel before the first.
        if not (-0.5 <= row < height - 0.5 and -0.5 <= column < width - 0.5):
            yield DataInvalid(
                f"the click on '{names[stroke.label]}' at x {column:g}, y {row:g} is outside {key}",
                expected=f"x from 0 to {width - 1} and y from 0 to {height - 1}",
                fix="correct it; if many are outside, x and y are exchanged or were measured at another size",
            )


def require_inside(contents: Contents, sizes: Mapping[str, Size]) -> None:
    """Raise `DataInvalid` unless all boxes and clicks lie on their images.

    Args:
        contents: the tables.
        sizes: height and width of each image, by key.
    """
    names, none, problems = contents.legend.classes.names, np.zeros((0, 5)), []
    for key, size in sizes.items():
        boxes, clicks = contents.boxes.get(key, none), contents.clicks.get(key, ())
        problems += [each.at("boxes.csv") for each in boxes_outside(key, boxes, size, names)]
        problems += [each.at("clicks.csv") for each in clicks_outside(key, clicks, size, names)]
    if problems:
        raise DataInvalid.of(problems)
