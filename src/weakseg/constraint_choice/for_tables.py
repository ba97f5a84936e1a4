"""Constraints for the annotation tables of a data folder."""

from collections.abc import Collection, Sequence
from math import inf

from weakseg.constraint_choice.propose import PRICE, known_sizes, propose
from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.boxes import BoxesFilled, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All, Constraint
from weakseg.constraints.sizes import SizesWithin
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.data.sample import Sample
from weakseg.files.layout import BOXES, SIZES, TAGS
from weakseg.types import Classes

TABLES = (TAGS, SIZES, BOXES)
"""Tables about whole images; `clicks.csv` is about pixels."""

FILLED = 0.5
"""Smallest fraction of a box that its object fills. Colours find how much more; horses fill 0.34 to 0.5 of theirs."""

LEAST, MOST = 0.6, 0.8
"""Fraction of background in a photograph of objects: .73 of the median training image of msrc_things. The constrained
CNN's .3 to .7 keep rare classes alive, and make objects twice as large as they are."""


def rules_for(tables: Collection[str], few: Sequence[Sample], classes: Classes, drawn: bool) -> All | None:
    """Constraints for these tables; `None` without any.

    Args:
        tables: names of the existing tables.
        few: some of the images; their known sizes replace the usual bounds.
        classes: those of the dataset.
        drawn: whether any image has scribbles or clicks.
    """
    if not set(tables) & set(TABLES):
        return None
    alone = not drawn and BOXES not in tables
    # Without other evidence, soft bounds would be violated image by image until a rare class is lost.
    sizes = (SizesWithin(inf if alone else PRICE),) if SIZES in tables else ()
    boxes = (NothingOutsideBoxes(), BoxesFilled(FILLED, inf)) if BOXES in tables else ()
    usual = _of_things(classes.background) if alone else _usual(tables, classes)
    return All((UntaggedClassesAbsent(), *(_measured(few, classes) or usual), *sizes, *boxes))


def _measured(few: Sequence[Sample], classes: Classes) -> tuple[Constraint, ...]:
    """Size constraints from sizes and masks known in training."""
    proposed = propose(known_sizes(few, classes), classes.background)
    return tuple(rule for rule in proposed if isinstance(rule, (TaggedClassesPresent, BackgroundBetween)))


def _of_things(background: int | None) -> tuple[Constraint, ...]:
    """Size constraints for photographs of objects.

    A large object may leave less background than most do, so the lower bound is soft.
    """
    present = TaggedClassesPresent(0.05, inf, background)
    if background is None:
        return (present,)
    return (
        present,
        BackgroundBetween(0.0, MOST, inf, background),
        BackgroundBetween(LEAST, 1.0, PRICE, background),
    )


def _usual(tables: Collection[str], classes: Classes) -> tuple[Constraint, ...]:
    """The constrained CNN's size constraints, at a price.

    They are of photographs of objects. Boxes say more than they do.
    """
    if BOXES in tables:
        return ()
    background = () if classes.background is None else (BackgroundBetween(0.3, 0.7, PRICE, classes.background),)
    return (TaggedClassesPresent(0.05, PRICE, classes.background), *background)
