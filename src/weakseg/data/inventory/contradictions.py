"""Contradictions between the labels of one image.

Only labels that may be used for training are compared here, pixel by pixel. How much of all weak labels the masks
contradict, including masks for evaluation only, is reported for the whole set (`disagreement`), because annotators err
by a few pixels.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from weakseg.data.folder.outside import boxes_outside, clicks_outside
from weakseg.data.relabel import marked_classes
from weakseg.data.sample import Sample
from weakseg.data.stroke import draw_into
from weakseg.finding import Finding, findings_of
from weakseg.types import ABSENT, UNLABELED

_ROUNDING = 1e-6
"""Tolerance of sums: decimal fractions that add up to 1 may miss it in floating point."""


def contradictions_of_marks(
    file: Path, marks: Int[np.ndarray, "H W"], said: Sample, names: tuple[str, ...]
) -> Iterator[Finding]:
    """Labelled pixels that contradict the tables.

    A class is absent, elsewhere, or smaller there.

    Args:
        file: source of the labels.
        marks: class index of each labelled pixel.
        said: the image with the labels of its tables.
        names: names of the classes.
    """
    shown = marked_classes(marks, (), np.zeros((0, 5)), len(names))
    for label in sorted(label for label in _spoken_of(said) if shown[label]):
        where, name = marks == label, f"'{names[label]}'"
        boxes = said.boxes[said.boxes[:, 0] == label]
        stray = where & ~_inside(boxes, said.valid.shape)
        most, share = said.areas[label, 1], (where & said.valid).sum() / max(said.valid.sum(), 1)
        if said.tags[label] == ABSENT:
            found = f"{where.sum()} pixels of {said.key} are marked as {name}, but tags.csv says it is absent"
            fix = f"erase these pixels, or remove {name} from `absent` in tags.csv"
            yield Finding(file, found, "no pixel of an absent class", fix, (said.key,))
        if len(boxes) and stray.any():
            row, column = np.argwhere(stray)[0]
            found = (
                f"{stray.sum()} of the {where.sum()} pixels of {said.key} marked as {name} lie outside every box of it"
                f" in boxes.csv (the first at x {column}, y {row})"
            )
            expected = "a class with boxes inside its boxes only"
            yield Finding(file, found, expected, "erase these pixels, widen the box, or add one", (said.key,))
        if share > most + _ROUNDING:
            found = f"{name} is marked on {share:.1%} of {said.key}, but sizes.csv says it covers at most {most:.1%}"
            yield Finding(
                file,
                found,
                "no more pixels than the size allows",
                "erase pixels, or raise `max` in sizes.csv",
                (said.key,),
            )


def _spoken_of(said: Sample) -> set[int]:
    """Classes whose labels a table could contradict.

    Others need no look at the pixels, which takes time.
    """
    spoken = np.flatnonzero((said.tags == ABSENT) | (said.areas[:, 1] < 1))
    return {*spoken.tolist(), *said.boxes[:, 0].astype(int).tolist()}


def contradictions_of_tables(root: Path, said: Sample, names: tuple[str, ...]) -> Iterator[Finding]:
    """Rows of tables that contradict the image or each other."""
    yield from _of_boxes(root / "boxes.csv", said, names)
    yield from _of_clicks(root / "clicks.csv", said, names)
    yield from _of_sizes(root / "sizes.csv", said, names)
    if len(names) and (said.tags == ABSENT).all():
        found, fix = (
            f"every class is absent from {said.key}",
            "list under `absent` only classes that an annotator looked for",
        )
        yield Finding(root / "tags.csv", found, "a class for every pixel", fix, (said.key,))


def _of_boxes(file: Path, said: Sample, names: tuple[str, ...]) -> Iterator[Finding]:
    for problem in boxes_outside(said.key, said.boxes, said.valid.shape, names):
        yield from findings_of(problem, file, "", (said.key,))
    for label in said.boxes[:, 0].astype(int).tolist():
        name = f"'{names[label]}'"
        if said.tags[label] == ABSENT:
            found = f"{name} has a box in {said.key}, but tags.csv says it is absent"
            fix = f"remove the box, or remove {name} from `absent` in tags.csv"
            yield Finding(file, found, "no box of an absent class", fix, (said.key,))


def _of_clicks(file: Path, said: Sample, names: tuple[str, ...]) -> Iterator[Finding]:
    if not said.strokes:
        return
    for problem in clicks_outside(said.key, said.strokes, said.valid.shape, names):
        yield from findings_of(problem, file, "", (said.key,))
    marks, clicked = np.full(said.valid.shape, UNLABELED), {}
    for stroke in said.strokes:
        row, column = stroke.points[0].tolist()
        before = clicked.setdefault((round(row), round(column)), stroke.label)
        if before != stroke.label:
            found = (
                f"'{names[before]}' and '{names[stroke.label]}' are clicked at x {column:g}, y {row:g} of {said.key}"
            )
            yield Finding(file, found, "one class per pixel", "remove one of the two clicks", (said.key,))
        draw_into(marks, stroke.points, stroke.width_px, stroke.label)
    yield from contradictions_of_marks(file, marks, said, names)


def _of_sizes(file: Path, said: Sample, names: tuple[str, ...]) -> Iterator[Finding]:
    least, most = said.areas.T
    if not (least.any() or (most < 1).any()):
        return
    for bounds, wrong, word, fix in (
        (least, least.sum() > 1 + _ROUNDING, "minima", "lower some `min`, so that they add up to at most 1"),
        (most, most.sum() < 1 - _ROUNDING, "maxima", "raise some `max`, so that they add up to at least 1"),
    ):
        if len(names) and wrong:
            told = ", ".join(f"{name} {bound:g}" for name, bound in zip(names, bounds, strict=True) if bound > 0)
            found = f"the {word} of {said.key} add up to {bounds.sum():.4g} ({told})"
            yield Finding(file, found, "fractions that can add up to 1, the whole image", fix, (said.key,))
    for label in np.flatnonzero((least > 0) & (said.tags == ABSENT)):
        found = f"'{names[label]}' covers at least {least[label]:.1%} of {said.key}, but tags.csv says it is absent"
        fix = "set `min` to 0, or remove the class from `absent` in tags.csv"
        yield Finding(file, found, "no minimum for an absent class", fix, (said.key,))


def _inside(boxes: Float[np.ndarray, "N 5"], size: tuple[int, ...]) -> Bool[np.ndarray, "H W"]:
    """Mask of pixels that a box covers, even partly."""
    inside = np.zeros(size, bool)
    for _, top, left, bottom, right in boxes.clip(min=0).tolist():
        inside[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    return inside
