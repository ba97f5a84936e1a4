"""Check that the training labels can teach every class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from weakseg.data.inventory.statistics import LabelCounts
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.types import Classes


@dataclass(frozen=True, eq=False)
class LabelledClasses:
    """The classes with a training label."""

    classes: Classes
    drawn: Bool[np.ndarray, " C"]
    """Classes with a labelled pixel on a training image."""
    tabled: Bool[np.ndarray, " C"]
    """Classes tagged as present, sized or boxed in a table, which constrain the background too."""

    @property
    def known(self) -> Bool[np.ndarray, " C"]:
        """Classes with any training label."""
        return self.drawn | self.tabled


def labelled_by(drawn: list[LabelCounts], tables: list[LabelCounts], classes: Classes) -> LabelledClasses:
    """The classes labelled by drawn sources and by tables.

    Clicks of tables count as drawn.
    """
    nothing = np.zeros(len(classes), bool)
    marked = np.any([nothing, *(each.marked_pixels > 0 for each in [*drawn, *tables])], axis=0)
    said = [each.tagged_images + each.sized_images + each.boxes > 0 for each in tables]
    return LabelledClasses(classes, marked, np.any([nothing, *said], axis=0))


def unlearnable(labelled: LabelledClasses, judged: Int[np.ndarray, " C"]) -> Iterator[DataInvalid]:
    """Errors about classes that cannot be learnt.

    None if there is no label at all, which is another problem.

    Args:
        labelled: the classes with a training label.
        judged: pixels of each class in the masks for evaluation.
    """
    names, known = labelled.classes.names, labelled.known
    if not known.any():
        return
    if len(names) == 1:
        yield DataInvalid(
            f"'{names[0]}' is the only class: any network is right everywhere",
            expected="two classes or more",
            fix="declare its surroundings as a class, such as background, and give their pixels its value "
            "instead of void",
        )
        return
    background = labelled.classes.background
    ruled, alone = bool(labelled.tabled.any()), known.sum() == 1
    if not ruled and alone:
        name = names[int(known.argmax())]
        yield DataInvalid(
            f"'{name}' is the only class with training labels: a network would learn to predict it everywhere",
            expected="labels of two classes or more",
            fix=f"also label pixels that are not {name}, on some training images" + _first_of(labelled, background),
        )
    elif not ruled and background is not None and not known[background]:
        yield DataInvalid(
            f"no training label shows '{names[background]}', so it would never be predicted",
            expected="labels of the background too",
            fix=f"draw '{names[background]}' on some training images, with a stroke through pixels of no other class",
        )
    missing = ~known & (judged > 0)
    if background is not None and (ruled or not alone):
        missing[background] = False
    missing[list(labelled.classes.unscored)] = False
    if missing.any() and (ruled or not alone):
        which = some([f"'{names[label]}'" for label in np.flatnonzero(missing)])
        yield DataInvalid(
            f"no training label shows {which}, which the masks for evaluation contain: it cannot be learnt",
            expected="training labels of every class that is evaluated",
            fix="label it on some training images, `merge` it into another class, or list it in `unscored`",
        )


def _first_of(labelled: LabelledClasses, background: int | None) -> str:
    return (
        f": '{labelled.classes.names[background]}' first"
        if background is not None and not labelled.known[background]
        else ""
    )
