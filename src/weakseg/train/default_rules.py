"""The rules that a data folder's tables speak of: what tags, sizes and boxes demand of a segmentation."""

from collections.abc import Collection, Sequence
from math import inf

from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.boxes import BoxesFilled, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All, Constraint
from weakseg.constraints.sizes import SizesWithin
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.data.sample import Sample
from weakseg.evaluate.size_bounds import PRICE, known_sizes, propose
from weakseg.types import Classes

TABLES = ("tags.csv", "sizes.csv", "boxes.csv")
"""What speaks of whole pictures; `clicks.csv` is drawn."""

FILLED = 0.5
"""Share of a box that its thing fills at least. Colours find how much more; horses fill 0.34 to 0.5 of theirs."""

BACKGROUND = (0.6, 0.8)
"""Share of a photograph of things that is background: .73 of the median training picture of msrc_things. The
constrained CNN's .3 to .7 keep rare classes alive, and make things twice as large as they are."""


def rules_for(tables: Collection[str], few: Sequence[Sample], classes: Classes) -> All | None:
    """The rules for a folder that has these tables; `None` where it has none of them.

    Args:
        tables: names of the tables there are.
        few: some of the pictures; sizes that are known of them replace the constrained CNN's usual bounds.
        classes: of the data set.
    """
    if not set(tables) & set(TABLES):
        return None
    sizes = (SizesWithin(inf),) if "sizes.csv" in tables else ()
    boxes = (NothingOutsideBoxes(), BoxesFilled(FILLED, inf)) if "boxes.csv" in tables else ()
    return All((UntaggedClassesAbsent(), *(_measured(few, classes) or _usual(tables, classes)), *sizes, *boxes))


def _measured(few: Sequence[Sample], classes: Classes) -> tuple[Constraint, ...]:
    """How much tagged classes and the background cover, from sizes and full masks that training may use."""
    proposed = propose(known_sizes(few, classes), classes.background)
    return tuple(rule for rule in proposed if isinstance(rule, (TaggedClassesPresent, BackgroundBetween)))


def _usual(tables: Collection[str], classes: Classes) -> tuple[Constraint, ...]:
    """Shares of photographs of things, at a price. Boxes say more than they do."""
    if "boxes.csv" in tables:
        return ()
    background = () if classes.background is None else (BackgroundBetween(*BACKGROUND, PRICE, classes.background),)
    return (TaggedClassesPresent(0.05, PRICE, classes.background), *background)
