"""The constrained CNN's constraints, from paper and code.

Paper and code disagree; docs/theory.md says where. Suppression is by deletion in both. Where a dataset declares no
background (`None`), it has no bounds.
"""

from math import inf

from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.boxes import BoxesFilled, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent


def paper_tags(background: int | None = 0) -> All:
    """Constraints from tags alone: equations (7), (8) and (9).

    Classes at least .05 at a price of 2, background .3 to .7. Their code uses the same.
    """
    return All(
        (
            UntaggedClassesAbsent(),
            TaggedClassesPresent(share=0.05, price=2.0, background=background),
            *_background(0.3, 0.7, background),
        )
    )


def paper_one_bit_sizes(background: int | None = 0) -> All:
    """Constraints from tags and one bit of size, equation (10).

    The bit is at 10 %, with the background bounds in bold in supplementary table 4.

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
    """Constraints of the released code's size mode.

    Large classes at least .1 without slack, and small ones deleted.

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
    """Constraints from boxes, section 7.4.

    Each box is filled to 75 %, with nothing of its class outside.

    The paper names no price. Without slack here: at a price of 2 networks filled boxes less and less (results.md).
    """
    return All((UntaggedClassesAbsent(), NothingOutsideBoxes(), BoxesFilled(share=0.75, price=inf)))


def _background(lower: float, upper: float, background: int | None) -> tuple[BackgroundBetween, ...]:
    return () if background is None else (BackgroundBetween(lower, upper, inf, background),)
