"""Weak labels held against the masks of the same images: how much of what they say the masks deny, and why it may be.

Annotators err by a few pixels; labels that are shifted, turned, mirrored or wrongly numbered disagree as a whole.
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
"""Shifts that are tried, in each direction."""
_SHARE = 0.02
"""A size may miss the mask's by as much of the image."""


@dataclass(frozen=True)
class Compared:
    """What one source says about an image that has a mask, and how much of it the mask denies."""

    said: int
    """Marked pixels, pixels of classes with boxes, told tags or told sizes."""
    denied: int


@dataclass(frozen=True)
class Marks:
    """Marked pixels of an image and the mask they are compared with."""

    rows: Int[np.ndarray, " N"]
    columns: Int[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"]
    mask: Labels
    orientation: int = AS_STORED
    """That the image was turned by, as its EXIF data say."""

    @property
    def denied(self) -> tuple[int, int]:
        """How many the mask speaks of, and of how many of these it says something else."""
        (height, width), rows, columns = self.mask.shape, self.rows, self.columns
        inside = (rows >= 0) & (columns >= 0) & (rows < height) & (columns < width)
        truth = self.mask[rows[inside], columns[inside]]
        known = truth != UNLABELED
        return int(known.sum()), int((known & (truth != self.labels[inside])).sum())


def compare_map(labels: Labels, mask: Labels) -> Compared:
    """A label map and the mask of its image."""
    known = (labels != UNLABELED) & (mask != UNLABELED)
    return Compared(int(known.sum()), int((known & (labels != mask)).sum()))


def compare_tables(said: Sample, mask: Labels) -> Iterator[tuple[str, Compared]]:
    """What each table says about an image, by the table's name."""
    if said.strokes:
        yield "clicks.csv", Compared(*clicked(said, mask).denied)
    # UNLABELED is -1, so that it comes first.
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
    """Pixels of boxed classes outside their boxes; an empty box counts as one pixel of each of its pixels."""
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
    """The marks of a label map, some of them where they are many."""
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
    "transposed, rows for columns": ("labels.T", lambda m: replace(m, rows=m.columns, columns=m.rows)),
    "turned by a quarter, clockwise": (
        "numpy.rot90(labels, -1)",
        lambda m: replace(m, rows=m.columns, columns=m.mask.shape[1] - 1 - m.rows),
    ),
    "turned by a quarter, anticlockwise": (
        "numpy.rot90(labels)",
        lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.columns, columns=m.rows),
    ),
    "transposed along the other diagonal": (
        "labels[::-1, ::-1].T",
        lambda m: replace(m, rows=m.mask.shape[0] - 1 - m.columns, columns=m.mask.shape[1] - 1 - m.rows),
    ),
}
"""How labels that lie wrongly come to lie rightly: the code that fixes a map, and the same for marks."""

_SAME_SHAPE = [*_MOVES][:3]
"""What leaves height and width as they are."""

_BY_EXIF = dict(enumerate((*(_MOVES[words][1] for words in (
    "mirrored, left for right", "turned by 180 degrees", "mirrored, top for bottom", "transposed, rows for columns",
    "turned by a quarter, clockwise", "transposed along the other diagonal", "turned by a quarter, anticlockwise",
)),), start=2))  # fmt: skip
"""What turns marks as an image of each EXIF orientation is turned."""


@dataclass(frozen=True)
class Cause:
    """Why marks may disagree with masks."""

    words: str
    """How they should lie or be numbered."""
    code: str
    """What fixes one map, for `labels`; empty for numbers."""
    agreement: float
    """Share of the marks that agree once it is fixed, in [0, 1]."""
    becomes: tuple[tuple[int, int], ...] = ()
    """(class as marked, class it seems to be) pairs, for numbers."""
    by_exif: bool = False
    """Whether either the marks or the mask were drawn on the image as it is stored, and the others as it is seen."""


def likely_cause(marks: list[Marks]) -> Cause | None:
    """What would make marks and masks agree best, where it explains nearly all; `None` where nothing does."""
    # The first of those that agree alike: numbers, then turns, then shifts, which can be made to fit most.
    causes = [*_renumbered(marks), *_moved(marks), *_shifted(marks)]
    best = max(causes, key=lambda cause: round(cause.agreement, 2), default=None)
    return best if best and best.agreement >= 0.9 else None


def _agreement(marks: list[Marks]) -> float:
    told = [each.denied for each in marks]
    known, denied = (sum(numbers) for numbers in zip(*told, strict=True))
    # What leaves the image agrees with nothing, lest a shift wins that leaves only a corner.
    most = sum(len(each.rows) for each in marks)
    return (known - denied) / max(known, most // 2, 1)


def _moved(marks: list[Marks]) -> Iterator[Cause]:
    if any(each.orientation != AS_STORED for each in marks):
        for back in (False, True):
            together = _agreement([_turned(each, back) for each in marks])
            yield Cause("turned as the EXIF data of its image say, or the mask were", "", together, by_exif=True)
    square = all(each.mask.shape[0] == each.mask.shape[1] for each in marks)
    for words, (code, move) in _MOVES.items():
        if square or words in _SAME_SHAPE:
            yield Cause(words, code, _agreement([move(each) for each in marks]))


def _turned(marks: Marks, back: bool) -> Marks:
    """The marks turned as their image is, or back; as they are where this would exchange height and width."""
    orientation, (height, width) = marks.orientation, marks.mask.shape
    if back:
        orientation = inverse(orientation)
    move = _BY_EXIF.get(orientation)
    return marks if move is None or (orientation >= 5 and height != width) else move(marks)


def _shifted(marks: list[Marks]) -> Iterator[Cause]:
    """The shift that agrees best, found along a coarse grid and then around its best point."""

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
    """The class that the masks show most under the marks of each class."""
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
