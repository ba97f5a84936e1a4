"""Whether the classes of a data set can be learnt from what is said of its training images."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.inventory.statistics import LabelCounts
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.types import Classes


@dataclass(frozen=True, eq=False)
class Told:
    """Which classes the training labels tell of."""

    classes: Classes
    drawn: Bool[np.ndarray, " C"]
    """Marked on a training image, in whatever way."""
    tabled: Bool[np.ndarray, " C"]
    """Tagged as present, sized or boxed in a table; any of them brings rules that speak of the background too."""

    @property
    def known(self) -> Bool[np.ndarray, " C"]:
        """In one way or the other."""
        return self.drawn | self.tabled


def told_by(drawn: list[LabelCounts], tables: list[LabelCounts], classes: Classes) -> Told:
    """What the counts of drawn sources, and of tables (whose clicks are drawn), tell of."""
    nothing = np.zeros(len(classes), bool)
    marked = np.any([nothing, *(each.marked_pixels > 0 for each in [*drawn, *tables])], axis=0)
    said = [each.tagged_images + each.sized_images + each.boxes > 0 for each in tables]
    return Told(classes, marked, np.any([nothing, *said], axis=0))


def unlearnable(told: Told, judged: Int[np.ndarray, " C"]) -> Iterator[DataInvalid]:
    """What keeps classes from being learnt; nothing where no label tells of any class, which is another fault.

    Args:
        told: which classes the training labels tell of.
        judged: pixels of each class in the masks that judge.
    """
    names, known = told.classes.names, told.known
    if not known.any():
        return
    if len(names) == 1:
        yield DataInvalid(
            f"'{names[0]}' is the only class, so there is nothing to tell it from: any network is right everywhere",
            expected="two classes or more",
            fix="name what is around it as a class, such as background, and give its pixels the number of that class "
            "instead of void",
        )
        return
    background = told.classes.background
    ruled, alone = bool(told.tabled.any()), known.sum() == 1
    if not ruled and alone:
        name = names[int(known.argmax())]
        yield DataInvalid(
            f"the training labels tell of '{name}' and nothing else, so that a network learns to answer it everywhere",
            expected="marks of two classes or more",
            fix=f"mark what is not {name} as well, on a few of the training images" + _first_of(told, background),
        )
    elif not ruled and background is not None and not known[background]:
        yield DataInvalid(
            f"no training label tells of '{names[background]}', so that it is never predicted",
            expected="marks of the background, too",
            fix=f"draw '{names[background]}' on a few of the training images: a stroke through what is no other class",
        )
    missing = ~known & (judged > 0)
    if background is not None and (ruled or not alone):
        missing[background] = False
    missing[list(told.classes.unscored)] = False
    if missing.any() and (ruled or not alone):
        which = some([f"'{names[label]}'" for label in np.flatnonzero(missing)])
        yield DataInvalid(
            f"no training label tells of {which}, which the masks to judge by show: it can never be learnt",
            expected="training labels of every class that is judged",
            fix="mark it on some training images, `merge` it into another class, or name it in `unscored`",
        )


def _first_of(told: Told, background: int | None) -> str:
    return (
        f": '{told.classes.names[background]}' first" if background is not None and not told.known[background] else ""
    )
