"""The constrained CNN's own settings, by name: those of its paper and those of its released code.

Paper and code disagree; docs/theory.md says where. Suppression is by deletion in both. Where a data set declares no
background (`None`), nothing is demanded of it.
"""

from math import inf

from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.boxes import BoxesFilled, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent


def paper_tags(background: int | None = 0) -> All:
    """Tags alone: equations (7), (8) and (9) with .05 at a price of 2, and .3 to .7. Their code uses the same."""
    return All(
        (
            UntaggedClassesAbsent(),
            TaggedClassesPresent(share=0.05, price=2.0, background=background),
            *_background(0.3, 0.7, background),
        )
    )


def paper_one_bit_sizes(background: int | None = 0) -> All:
    """Tags and one bit of size at 10 %: equation (10), with the background bounds in bold in supplementary table 4.

    Large classes at least .1, small ones at most .01, background .2 to .7.
    """
    return All(
        (
            UntaggedClassesAbsent(),
            LargeOrSmall(0.1, 0.1, 0.01, 2.0, background),
            *_background(0.2, 0.7, background),
        )
    )


def code_one_bit_sizes(background: int | None = 0) -> All:
    """The released code's size mode: large classes at least .1 without slack, and small ones deleted.

    Deletion is here an upper bound of 0 that must hold, which the solver turns into deletion. To repeat that code,
    solve with `hardness=1000`.
    """
    return All(
        (
            UntaggedClassesAbsent(),
            LargeOrSmall(0.1, 0.1, 0.0, inf, background),
            *_background(0.2, 0.7, background),
        )
    )


def paper_boxes() -> All:
    """Boxes: 75 % of each filled, and nothing of its class outside; section 7.4.

    The paper names no price. Without slack here: at a price of 2 networks filled boxes less and less (results.md).
    """
    return All((UntaggedClassesAbsent(), NothingOutsideBoxes(), BoxesFilled(share=0.75, price=inf)))


def _background(lower: float, upper: float, background: int | None) -> tuple[BackgroundBetween, ...]:
    return () if background is None else (BackgroundBetween(lower, upper, inf, background),)
