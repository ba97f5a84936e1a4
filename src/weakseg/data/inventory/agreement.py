"""Agreement of weak labels with masks of the same images.

It measures what fraction of the labels the masks contradict, and finds likely causes. Annotators err by a few pixels;
labels that are shifted, rotated, mirrored or wrongly numbered disagree as a whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from weakseg.data.images.orientation import AS_STORED, inverse
from weakseg.data.sample import Sample
from weakseg.types import ABSENT, PRESENT, UNLABELED

Labels = Int[np.ndarray, "H W"]

_REACH_PX = 16
"""Largest shift that is tried, in pixels in each direction."""
_SHARE = 0.02
"""Tolerance of sizes, as a fraction of the image."""


@dataclass(frozen=True)
class Compared:
    """Labels of one source on an image, and contradicted ones."""

    said: int
    """Number of comparable labels: labelled pixels, pixels of classes with boxes, tags or sizes."""
    denied: int
    """Number of them that the mask contradicts."""


@dataclass(frozen=True)
class Marks:
    """Labelled pixels of an image, and the mask to compare with."""

    rows: Int[np.ndarray, " N"]
    columns: Int[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"]
    mask: Labels
    orientation: int = AS_STORED
    """EXIF orientation by which the image was rotated."""

    @property
    def denied(self) -> tuple[int, int]:
        """Numbers of comparable labels, and of contradicted ones."""
        (height, width), rows, columns = self.mask.shape, self.rows, self.columns
        # Shifted marks may leave the image; they are neither right nor wrong.
        inside = (rows >= 0) & (columns >= 0) & (rows < height) & (columns < width)
        truth = self.mask[rows[inside], columns[inside]]
        known = truth != UNLABELED
        return int(known.sum()), int((known & (truth != self.labels[inside])).sum())


def compare_map(labels: Labels, mask: Labels) -> Compared:
    """A label map compared with the mask of its image."""
    known = (labels != UNLABELED) & (mask != UNLABELED)
    return Compared(int(known.sum()), int((known & (labels != mask)).sum()))


def compare_tables(said: Sample, mask: Labels) -> Iterator[tuple[str, Compared]]:
    """Each table compared with the mask, by the table's name."""
    if said.strokes:
        yield "clicks.csv", Compared(*clicked(said, mask).denied)
    # UNLABELED is -1, so its count comes first.
    counted = np.bincount(mask.ravel() + 1, minlength=len(said.tags) + 1)
    void, shares = counted[0], counted[1:] / max(mask.size - counted[0], 1)
    told = (said.tags == ABSENT) | ((said.tags == PRESENT) & (void == 0))
    if told.any():
        wrong = told & ((said.tags == PRESENT) != (shares > 0))
        yield "tags.csv", Compared(int(told.sum()), int(wrong.sum()))
    sized = (said.areas != [0, 1]).any(1)
    if sized.any():
        wrong = sized & ((shares < said.areas[:, 0] - _SHARE) | (shares > said.areas[:, 1] + _SHARE))
        yield "sizes.csv", Compared(int(sized.sum()), int(wrong.sum()))
    if len(said.boxes):
        yield "boxes.csv", _compare_boxes(said, mask)


def _compare_boxes(said: Sample, mask: Labels) -> Compared:
    """Boxes compared with the mask, in pixels.

    Pixels of boxed classes outside their boxes contradict them; an empty box counts with all its pixels.
    """
    spoken = denied = 0
    for label in np.unique(said.boxes[:, 0]).astype(int).tolist():
        outside, empty = mask == label, 0
        total = int(outside.sum())
        for _, top, left, bottom, right in said.boxes[said.boxes[:, 0] == label].clip(min=0).tolist():
            part = np.s_[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
            known = mask[part] != UNLABELED
            if not (mask[part] == label).any():
                empty += int(known.sum())
            outside[part] = False
        spoken, denied = spoken + total + empty, denied + int(outside.sum()) + empty
    return Compared(spoken, denied)


def clicked(said: Sample, mask: Labels) -> Marks:
    """The clicks on an image."""
    points = np.array([stroke.points[0] for stroke in said.strokes]).round().astype(int)
    return Marks(points[:, 0], points[:, 1], np.array([stroke.label for stroke in said.strokes]), mask)


def drawn(labels: Labels, mask: Labels, most: int = 2000) -> Marks:
    """The labelled pixels of a map, thinned if there are many."""
    places = np.flatnonzero(labels != UNLABELED)
    places = places[:: max(len(places) // most, 1)]
    rows, columns = np.unravel_index(places, labels.shape)
    return Marks(rows, columns, labels.ravel()[places], mask)


_MOVES: dict[str, tuple[str, Callable[[Marks], Marks]]] = {
    "turned by 180 degrees": (
        "numpy.rot90(labels, 2)",
        lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.rows, columns=m.mask.shape[1] - 1 - m.columns),
    ),
    "mirrored, left for right": (
        "labels[:, ::-1]",
        lambda m: replace(m, columns=m.mask.shape[1] - 1 - m.columns),
    ),
    "mirrored, top for bottom": ("labels[::-1]", lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.rows)),
    "transposed, rows for columns": ("labels.swapaxes(0, 1)", lambda m: replace(m, rows=m.columns, columns=m.rows)),
    "turned by a quarter, clockwise": (
        "numpy.rot90(labels, -1)",
        lambda m: replace(m, rows=m.columns, columns=m.mask.shape[1] - 1 - m.rows),
    ),
    "turned by a quarter, anticlockwise": (
        "numpy.rot90(labels)",
        lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.columns, columns=m.rows),
    ),
    "transposed along the other diagonal": (
        "labels[::-1, ::-1].swapaxes(0, 1)",
        lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.columns, columns=m.mask.shape[1] - 1 - m.rows),
    ),
}
"""Corrections of misplaced labels: code for a map, and a function for labelled pixels."""

_SAME_SHAPE = [*_MOVES][:3]
"""Corrections that preserve height and width."""

_BY_EXIF = dict(enumerate((*(_MOVES[words][1] for words in (
    "mirrored, left for right", "turned by 180 degrees", "mirrored, top for bottom", "transposed, rows for columns",
    "turned by a quarter, clockwise", "transposed along the other diagonal", "turned by a quarter, anticlockwise",
)),), start=2))  # fmt: skip
"""Rotation of labelled pixels for each EXIF orientation."""


@dataclass(frozen=True)
class Cause:
    """A possible cause of disagreement."""

    words: str
    """Description of the correct position or numbering."""
    code: str
    """Code that corrects one map `labels`; empty for a renumbering."""
    agreement: float
    """Fraction of the labels that agree after the correction, in [0, 1]."""
    becomes: tuple[tuple[int, int], ...] = ()
    """Pairs (class in the labels, class in the mask) of a renumbering."""
    by_exif: bool = False
    """Whether one of labels and mask was drawn on the image as stored, the other on it as displayed."""


def likely_cause(marks: list[Marks]) -> Cause | None:
    """The correction with the best agreement, if that is high."""
    # The order breaks ties: renumberings, then rotations, then shifts, which are the easiest to overfit.
    causes = [*_renumbered(marks), *_moved(marks), *_shifted(marks)]
    best = max(causes, key=lambda cause: round(cause.agreement, 2), default=None)
    return best if best and best.agreement >= 0.9 else None


def _agreement(marks: list[Marks]) -> float:
    told = [each.denied for each in marks]
    known, denied = (sum(numbers) for numbers in zip(*told, strict=True))
    # Labels shifted out of the image count as disagreeing, lest a shift win that leaves only a corner.
    most = sum(len(each.rows) for each in marks)
    return (known - denied) / max(known, most // 2, 1)


def _moved(marks: list[Marks]) -> Iterator[Cause]:
    if any(each.orientation != AS_STORED for each in marks):
        for back in (False, True):
            together = _agreement([_turned(each, back) for each in marks])
            yield Cause("rotated by the EXIF orientation of its image, or the mask were", "", together, by_exif=True)
    square = all(each.mask.shape[0] == each.mask.shape[1] for each in marks)
    for words, (code, move) in _MOVES.items():
        if square or words in _SAME_SHAPE:
            yield Cause(words, code, _agreement([move(each) for each in marks]))


def _turned(marks: Marks, back: bool) -> Marks:
    """The labels rotated like their image, or back.

    They are unchanged if this would exchange height and width.
    """
    orientation, (height, width) = marks.orientation, marks.mask.shape
    if back:
        orientation = inverse(orientation)
    move = _BY_EXIF.get(orientation)
    return marks if move is None or (orientation >= 5 and height != width) else move(marks)


def _shifted(marks: list[Marks]) -> Iterator[Cause]:
    """The shift with the best agreement.

    It is searched on a coarse grid, then around the best point.
    """

    def moved(down: int, right: int) -> float:
        parts = [replace(each, rows=each.rows + down, columns=each.columns + right) for each in marks]
        return _agreement(parts)

    steps = range(-_REACH_PX, _REACH_PX + 1, 4)
    down, right = max(((d, r) for d in steps for r in steps), key=lambda at: moved(*at))
    near = [(down + d, right + r) for d in range(-3, 4) for r in range(-3, 4)]
    down, right = max(near, key=lambda at: (moved(*at), -abs(at[0]) - abs(at[1])))
    words = f"shifted by {down} pixels down and {right} to the right of where they are"
    yield Cause(words, f"numpy.roll(labels, ({down}, {right}), (0, 1))", moved(down, right))


def _renumbered(marks: list[Marks]) -> Iterator[Cause]:
    """The renumbering of classes with the best agreement.

    Each class becomes the one that masks show most often under its labels.
    """
    pairs: dict[int, dict[int, int]] = {}
    for each in marks:
        inside = (each.rows >= 0) & (each.columns >= 0)
        inside &= (each.rows < each.mask.shape[0]) & (each.columns < each.mask.shape[1])
        truth = each.mask[each.rows[inside], each.columns[inside]]
        both, counts = np.unique(np.stack([each.labels[inside], truth]), axis=1, return_counts=True)
        for (label, shown), number in zip(both.T.tolist(), counts.tolist(), strict=True):
            if shown != UNLABELED:
                of = pairs.setdefault(label, {})
                of[shown] = of.get(shown, 0) + number
    becomes = {label: max(of, key=lambda shown: of[shown]) for label, of in pairs.items()}
    if len({*becomes.values()}) < len(becomes):
        return
    total = sum(sum(of.values()) for of in pairs.values())
    right = sum(pairs[label][shown] for label, shown in becomes.items())
    yield Cause("numbered otherwise", "", right / max(total, 1), tuple(becomes.items()))
