"""What marks become: clicks, scribbles, seeds, boxes, tags or void.

What is drawn is true where it lies and says nothing of the rest: a polygon labels the pixels inside it, and a box is
a constraint that nothing fills.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.data.sample import Stroke
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.mark import ImageMarks, Mark
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, box_of
from weakseg.marks.uses import NOT_CLASSES, Uses
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD


@dataclass(eq=False)
class MarkedImage:
    """The labels of one image that its marks give."""

    seeds: Int[np.ndarray, "H W"]
    """Class index of each pixel inside a region, `UNLABELED` elsewhere."""
    void: Bool[np.ndarray, "H W"]
    """Pixels that marks declare void."""
    tags: Int[np.ndarray, " C"]
    strokes: list[Stroke] = field(default_factory=list)
    """Scribbles and clicks."""
    boxes: list[list[float]] = field(default_factory=list)
    """Boxes (class, top, left, bottom, right)."""
    problems: list[WeaksegError] = field(default_factory=list)
    """What is wrong with marks, one by one; those marks are left out."""


def labels_of(
    image: ImageMarks, size: tuple[int, int], n_classes: int, index: Callable[[str], int], uses: Uses
) -> MarkedImage:
    """The labels of an image.

    Args:
        image: its marks.
        size: its (height, width).
        n_classes: number of classes.
        index: the index of a class by name; raises `DataInvalid` for unknown names.
        uses: what each kind of shape becomes.
    """
    labels = MarkedImage(np.full(size, UNLABELED), np.zeros(size, bool), np.full(n_classes, UNTOLD))

    def tag(name: str, as_what: int) -> None:
        label = index(uses.class_of(name))
        if labels.tags[label] not in (UNTOLD, as_what):
            raise DataInvalid(f"'{name}' is both present and absent")
        labels.tags[label] = as_what

    def use(mark: Mark) -> None:
        becomes = uses.use_of(mark.label, mark.kind)
        label = UNLABELED if becomes in NOT_CLASSES else index(uses.class_of(mark.label))
        _USES[becomes](labels, mark, label, uses)

    for mark in image.marks:
        _collect(labels, mark.source, use, mark)
    for as_what, names in ((PRESENT, image.present), (ABSENT, image.absent)):
        for name in filter(uses.is_class, names):
            _collect(labels, "its tags", tag, name, as_what)
    for label in sorted({int(box[0]) for box in labels.boxes}):
        _collect(labels, "", _require_boxes_hold_all, labels, label)
    return labels


def _collect(labels: MarkedImage, place: str, act: Callable[..., None], *arguments: object) -> None:
    try:
        act(*arguments)
    except DataInvalid as problem:
        labels.problems.append(problem.at(place) if place else problem)


def _require_boxes_hold_all(labels: MarkedImage, label: int) -> None:
    """Turn the boxes of a class into its tag if it is marked outside them: then they are not all of its boxes."""
    boxes = np.array([box[1:] for box in labels.boxes if box[0] == label])
    points = [stroke.points for stroke in labels.strokes if stroke.label == label]
    marked = np.concatenate([np.argwhere(labels.seeds == label).astype(float), *points]) + 0.5
    top, left, bottom, right = np.moveaxis(boxes[:, :, None], 1, 0)
    rows, columns = marked.T
    # A border that a person draws is off by a pixel or two.
    within = (rows > top - 2) & (rows < bottom + 2) & (columns > left - 2) & (columns < right + 2)
    if outside := int((~within.any(0)).sum()):
        labels.boxes[:] = [box for box in labels.boxes if box[0] != label]
        labels.tags[label] = PRESENT
        raise DataInvalid(
            f"{len(boxes)} box{'es' * (len(boxes) > 1)} of a class became its tag: the class is marked outside as well "
            f"({outside:,} pixels or vertices), and boxes claim that it lies in them alone",
            fix="draw a box around each object of the class, or none",
        )


def _click(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    assert isinstance(mark.shape, Point)
    at = (mark.shape.row, mark.shape.column)
    if not all(0 <= number <= side for number, side in zip(at, labels.seeds.shape, strict=True)):
        raise _outside("a point", labels)
    # A point on the last edge is of the last pixel.
    pixel = [min(math.floor(number), side - 1) for number, side in zip(at, labels.seeds.shape, strict=True)]
    labels.strokes.append(Stroke(label, np.array([pixel], float), width_px=1.0))


def _scribble(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    assert isinstance(mark.shape, Line)
    # Strokes have pixel centres at integers.
    points = mark.shape.points - 0.5
    lowest, highest = points.min(0), points.max(0)
    if (highest < -0.5).any() or (lowest > np.array(labels.seeds.shape) - 0.5).any():
        raise _outside("a line", labels)
    width_px = uses.line_width_px if mark.width_px is None else mark.width_px
    labels.strokes.append(Stroke(label, points, float(width_px)))


def _region(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    patch = pixels_of(_area(mark), labels.seeds.shape)
    if not patch.inside.any():
        raise DataInvalid(f"a {mark.kind} that covers no pixel of the image", fix=_IGNORE.format(kind=mark.kind))
    patch.on(labels.seeds)[patch.inside] = label
    patch.on(labels.void)[patch.inside] = False


def _void(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    patch = pixels_of(_area(mark), labels.seeds.shape)
    patch.on(labels.void)[patch.inside] = True


def _box(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    box = _bounding(mark, labels)
    height, width = labels.seeds.shape
    top, left = max(box.top, 0.0), max(box.left, 0.0)
    bottom, right = min(box.bottom, float(height)), min(box.right, float(width))
    if not (top < bottom and left < right):
        raise _outside("a box", labels)
    labels.boxes.append([label, top, left, bottom, right])


def _tag(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    labels.tags[label] = PRESENT


def _nothing(labels: MarkedImage, mark: Mark, label: int, uses: Uses) -> None:
    """Leave the mark out."""


_USES: dict[str, Callable[[MarkedImage, Mark, int, Uses], None]] = {
    "click": _click,
    "scribble": _scribble,
    "region": _region,
    "box": _box,
    "tag": _tag,
    "void": _void,
    "ignore": _nothing,
}

_IGNORE = 'enlarge it, or write `{kind} = "tag"` or "ignore" below [marks] in dataset.toml'


def _area(mark: Mark) -> Polygon | Box | Ellipse | Mask:
    assert not isinstance(mark.shape, Point | Line)
    return mark.shape


def _bounding(mark: Mark, labels: MarkedImage) -> Box:
    """The smallest upright box around a mark."""
    shape = mark.shape
    if isinstance(shape, Box) and not shape.degrees % 180:
        return shape
    if isinstance(shape, Box):
        return box_of(shape.corners())
    if isinstance(shape, Polygon):
        return box_of(np.concatenate([ring for part in shape.parts for ring in part]))
    patch = pixels_of(_area(mark), labels.seeds.shape)
    if not patch.inside.any():
        raise _outside(f"a {mark.kind}", labels)
    corner = np.array([patch.top, patch.left])
    inside: Float[np.ndarray, "N 2"] = np.argwhere(patch.inside) + corner
    return box_of(np.concatenate([inside, inside + 1]).astype(float))


def _outside(what: str, labels: MarkedImage) -> DataInvalid:
    height, width = labels.seeds.shape
    fix = "check that the annotations belong to this image, and that it was not resized after they were drawn"
    return DataInvalid(f"{what} lies outside the image, {width} wide and {height} high", fix=fix)
