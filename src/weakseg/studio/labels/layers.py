"""All labels of one image, and marks that change them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.stroke import draw_into
from weakseg.marks import shapes
from weakseg.marks.pixels import pixels_of
from weakseg.studio.labels.mark import Box, Click, Eraser, Mark, Points, Polygon, Redo, Reload, State, Stroke, Tag, Undo
from weakseg.types import UNLABELED

Sides = tuple[int, float | int, float | int, float | int, float | int]
"""A box (class, left, top, right, bottom), half open."""


@dataclass(frozen=True)
class Layers:
    """The labels of an image; classes are indices."""

    seeds: Int[np.ndarray, "H W"]
    """Class of each pixel that a scribble covers, `UNLABELED` elsewhere."""
    clicks: tuple[tuple[int, int, int], ...]
    """Clicks (class, x, y)."""
    boxes: tuple[Sides, ...]
    """Boxes; those of files may end between pixels."""
    tags: tuple[int, ...]
    """Tag of each class, as it was said."""

    @property
    def empty(self) -> bool:
        """Whether nothing is drawn or said."""
        said = self.clicks or self.boxes or any(tag != UNLABELED for tag in self.tags)
        return not said and not (self.seeds != UNLABELED).any()


def applied(layers: Layers, mark: Mark, index: dict[str, int]) -> Layers:
    """The labels after a mark.

    Args:
        layers: the labels before it.
        mark: anything but `Undo`, `Redo` and `Reload`.
        index: the index of each class.
    """
    match mark:
        case Stroke(label, points, width):
            seeds = layers.seeds.copy()
            draw_into(seeds, _rows(points), width, index[label])
            return replace(layers, seeds=seeds)
        case Polygon(label, points):
            seeds = layers.seeds.copy()
            # A shape lies between pixels' edges, a mark between their centres.
            ring = shapes.Polygon((((_rows(points) + 0.5),),))
            patch = pixels_of(ring, (seeds.shape[0], seeds.shape[1]))
            patch.on(seeds)[patch.inside] = index[label]
            return replace(layers, seeds=seeds)
        case State():
            return layers
        case Eraser(points, width):
            return _erased(layers, points, width)
        case Click(label, x, y):
            # Two classes clicked on one pixel would contradict each other.
            others = tuple(each for each in layers.clicks if each[1:] != (x, y))
            return replace(layers, clicks=(*others, (index[label], x, y)))
        case Box(label, left, top, right, bottom):
            return replace(layers, boxes=(*layers.boxes, (index[label], left, top, right, bottom)))
        case Tag(label, said):
            tags = list(layers.tags)
            tags[index[label]] = said
            return replace(layers, tags=tuple(tags))
    raise TypeError(f"{mark} changes no labels by itself")


def standing(marks: Sequence[Mark]) -> tuple[list[Mark], list[Mark]]:
    """The marks that still count, and those that can be redone.

    The next one to redo is the last.
    """
    done: list[Mark] = []
    undone: list[Mark] = []
    for mark in marks:
        if isinstance(mark, Undo):
            undone += [done.pop()] if done else []
        elif isinstance(mark, Redo):
            done += [undone.pop()] if undone else []
        else:
            done.append(mark)
            undone = []
    return done, undone


def replayed(
    start: Layers, marks: Sequence[Mark], index: dict[str, int], reloaded: Callable[[Layers, Reload], Layers]
) -> Layers:
    """The labels that a start and all its marks give.

    Args:
        start: the labels before any mark.
        marks: all marks of the image.
        index: the index of each class.
        reloaded: the labels after a `Reload`.
    """
    layers = start
    for mark in standing(marks)[0]:
        layers = reloaded(layers, mark) if isinstance(mark, Reload) else applied(layers, mark, index)
    return layers


def _erased(layers: Layers, points: Points, width: float) -> Layers:
    """The labels without what an eraser touched: pixels, clicks, and boxes by their outline."""
    touched = np.zeros(layers.seeds.shape, np.int64)
    draw_into(touched, _rows(points), width, 1)
    gone = touched.astype(bool)
    return replace(
        layers,
        seeds=np.where(gone, UNLABELED, layers.seeds),
        clicks=tuple(each for each in layers.clicks if not gone[each[2], each[1]]),
        boxes=tuple(each for each in layers.boxes if not _outline_touched(each, gone)),
    )


def _outline_touched(box: Sides, gone: Bool[np.ndarray, "H W"]) -> bool:
    height, width = gone.shape
    left, top, right, bottom = (int(side) for side in box[1:])
    left, right = (min(max(side, 0), width - 1) for side in (left, right - 1))
    top, bottom = (min(max(side, 0), height - 1) for side in (top, bottom - 1))
    rows, columns = slice(top, bottom + 1), slice(left, right + 1)
    return bool(gone[top, columns].any() or gone[bottom, columns].any() or gone[rows, [left, right]].any())


def _rows(points: Points) -> np.ndarray:
    """Vertices as (row, column)."""
    return np.array(points, float)[:, ::-1]
