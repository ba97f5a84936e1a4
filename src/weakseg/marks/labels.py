"""What marks become: clicks, scribbles, seeds, boxes or tags.

What is drawn is true where it lies and says nothing of the rest: a polygon labels the pixels inside it, and a box is
a constraint that nothing fills.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.sample import Stroke
from weakseg.data.stroke import draw_into
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.mark import ImageMarks, Mark
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon, box_of
from weakseg.marks.uses import Uses
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD


@dataclass(eq=False)
class MarkedImage:
    """The labels of one image that its marks give."""

    seeds: Int[np.ndarray, "H W"]
    """Class index of each pixel inside a region or on a line, `UNLABELED` elsewhere."""
    tags: Int[np.ndarray, " C"]
    clicks: list[Stroke] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    """Boxes (class, top, left, bottom, right)."""
    became: list[str] = field(default_factory=list)
    """What each mark became, in their order; `LEFT_OUT` if something is wrong with it."""
    problems: list[WeaksegError] = field(default_factory=list)
    """What is wrong with marks, one by one."""


LEFT_OUT = "left out"
LINE_WIDTH_PX = 3.0
"""Width of a line in pixels, where the file states none."""
_SLIP_PX = 2
"""How far marks may lie outside their box: a border that a person draws is off by a pixel or two."""


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
    labels, of = MarkedImage(np.full(size, UNLABELED), np.full(n_classes, UNTOLD)), []
    lines: list[Stroke] = []
    names: dict[int, str] = {}
    for mark in image.marks:
        # By class and kind: boxes of one class may be constraints and of another tags.
        becomes, name = uses.use_of(mark.label, mark.kind), uses.class_of(mark.label)
        # A place for each mark, also of those that are left out, so that `became` and `of` stay side by side.
        of.append(UNLABELED)
        try:
            if name is not None:
                of[-1] = index(name)
                names[of[-1]] = name
                if becomes == "scribble":
                    lines.append(_scribble(labels, mark, of[-1]))
                else:
                    _USES[becomes](labels, mark, of[-1])
        except DataInvalid as problem:
            labels.problems.append(problem.at(mark.source) if mark.source else problem)
            becomes = LEFT_OUT
        labels.became.append(becomes)
    # Clicks become pixels only when a view is cut; until then two on one pixel contradict each other.
    _keep_last_clicks(labels)
    # Lines are thin: they lie on top of areas, whatever was drawn first.
    for line in lines:
        # In the order of drawing: among lines, later ones cover earlier ones.
        draw_into(labels.seeds, line.points, line.width_px, line.label)
    for tag, said in ((PRESENT, image.present), (ABSENT, image.absent)):
        for name in filter(None, map(uses.class_of, said)):
            try:
                _note_tag(labels, name, index(name), tag)
            except DataInvalid as problem:
                labels.problems.append(problem)
    for label in sorted({int(box[0]) for box in labels.boxes}):
        # After all marks, since a later one may lie outside an earlier box.
        if outside := _marked_outside(labels, label):
            pairs = zip(of, labels.became, strict=True)
            labels.became[:] = ["tag" if (own, became) == (label, "box") else became for own, became in pairs]
            labels.problems.append(_untrue_boxes(labels, label, names[label], outside))
    return labels


def _note_tag(labels: MarkedImage, name: str, label: int, tag: int) -> None:
    if labels.tags[label] not in (UNTOLD, tag):
        raise DataInvalid(f"'{name}' is both present and absent")
    labels.tags[label] = tag


def _keep_last_clicks(labels: MarkedImage) -> None:
    """Of several classes clicked on one pixel, keep the last."""
    last = {tuple(click.points[0]): click for click in labels.clicks}
    kept = [click for click in labels.clicks if last[tuple(click.points[0])].label == click.label]
    if lost := len(labels.clicks) - len(kept):
        found = f"{lost} click{'s' * (lost > 1)} on pixels that were clicked again as another class, which holds"
        labels.problems.append(DataInvalid(found, fix="remove one of each two clicks"))
    labels.clicks[:] = kept


def _marked_outside(labels: MarkedImage, label: int) -> int:
    """How many marked pixels of a class lie outside its boxes.

    Boxes that marks leave by a slip of the pen are widened.
    """
    marked = labels.seeds == label
    for click in labels.clicks:
        if click.label == label:
            # Clicks are not in `seeds` yet.
            marked[tuple(click.points[0].astype(int))] = True
    if not marked.any():
        return 0
    own = [box for box in labels.boxes if box[0] == label]
    for box in own:
        marked[_within(box, 0)] = False
    near = np.zeros(marked.shape, bool)
    for box in own:
        near[_within(box, _SLIP_PX)] = True
    if outside := int((marked & ~near).sum()):
        return outside
    for box in own:
        part = _within(box, _SLIP_PX)
        # Widened to the marked pixels and no further: a box claims to touch its class on all sides.
        for axis, (low, high) in enumerate(((1, 3), (2, 4))):
            (places,) = np.nonzero(marked[part].any(1 - axis))
            if len(places):
                box[low] = min(box[low], float(part[axis].start + places[0]))
                box[high] = max(box[high], float(part[axis].start + places[-1] + 1))
    return 0


def _within(box: list[float], margin: int) -> tuple[slice, slice]:
    """The pixels that a box covers, even partly, with a margin."""
    _, top, left, bottom, right = box
    rows = slice(max(math.floor(top) - margin, 0), math.ceil(bottom) + margin)
    return rows, slice(max(math.floor(left) - margin, 0), math.ceil(right) + margin)


def _untrue_boxes(labels: MarkedImage, label: int, name: str, outside: int) -> DataInvalid:
    """Turn the boxes of a class into its tag: they are not all of its boxes. Returns what to say of it."""
    count = sum(box[0] == label for box in labels.boxes)
    labels.boxes[:] = [box for box in labels.boxes if box[0] != label]
    labels.tags[label] = PRESENT
    return DataInvalid(
        f"{count} box{'es' * (count > 1)} of '{name}' became its tag: the class is marked outside as well "
        f"({outside:,} pixels), and boxes claim that it lies in them alone",
        fix="draw a box around each object of the class, or none",
    )


def _click(labels: MarkedImage, mark: Mark, label: int) -> None:
    assert isinstance(mark.shape, Point)
    at = (mark.shape.row, mark.shape.column)
    # A click that is far outside belongs to another image, so it is not moved to the border.
    if not all(0 <= number <= side for number, side in zip(at, labels.seeds.shape, strict=True)):
        raise _outside("a point", labels)
    # A point on the last edge is of the last pixel.
    pixel = [min(math.floor(number), side - 1) for number, side in zip(at, labels.seeds.shape, strict=True)]
    labels.clicks.append(Stroke(label, np.array([pixel], float), width_px=1.0))


def _scribble(labels: MarkedImage, mark: Mark, label: int) -> Stroke:
    assert isinstance(mark.shape, Line)
    # Strokes have pixel centres at integers.
    points = mark.shape.points - 0.5
    lowest, highest = points.min(0), points.max(0)
    # Only a line that is outside as a whole: what leaves the image a little was drawn over its border.
    if (highest < -0.5).any() or (lowest > np.array(labels.seeds.shape) - 0.5).any():
        raise _outside("a line", labels)
    width_px = LINE_WIDTH_PX if mark.width_px is None else mark.width_px
    return Stroke(label, points, float(width_px))


def _region(labels: MarkedImage, mark: Mark, label: int) -> None:
    patch = pixels_of(_area(mark), labels.seeds.shape)
    if not patch.inside.any():
        raise DataInvalid(
            f"a {mark.kind} that covers no pixel of the image", fix="enlarge it; --as leaves out what is to be ignored"
        )
    # Written into a view of the part: a polygon in a large image costs as much as the polygon.
    patch.on(labels.seeds)[patch.inside] = label


def _box(labels: MarkedImage, mark: Mark, label: int) -> None:
    box = _bounding(mark, labels)
    height, width = labels.seeds.shape
    # Cut at the border: tools let boxes reach beyond the image, and constraints count pixels that are there.
    top, left = max(box.top, 0.0), max(box.left, 0.0)
    bottom, right = min(box.bottom, float(height)), min(box.right, float(width))
    if not (top < bottom and left < right):
        raise _outside("a box", labels)
    labels.boxes.append([float(side) for side in (label, top, left, bottom, right)])


def _tag(labels: MarkedImage, mark: Mark, label: int) -> None:
    labels.tags[label] = PRESENT


_USES: dict[str, Callable[[MarkedImage, Mark, int], None]] = {
    "click": _click,
    "region": _region,
    "box": _box,
    "tag": _tag,
    "ignore": lambda labels, mark, label: None,
}


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
    # Of ellipses and masks the box is that of their pixels: what reaches beyond the image is no part of it.
    inside: Float[np.ndarray, "N 2"] = np.argwhere(patch.inside) + corner
    return box_of(np.concatenate([inside, inside + 1]).astype(float))


def _outside(what: str, labels: MarkedImage) -> DataInvalid:
    height, width = labels.seeds.shape
    fix = "check that the annotations belong to this image, and that it was not resized after they were drawn"
    return DataInvalid(f"{what} lies outside the image, {width} wide and {height} high", fix=fix)
