"""Constraints from tags of the classes in an image."""

from dataclasses import dataclass

from weakseg.constraints.cells import cells_of, require_valid
from weakseg.constraints.class_shares import one_class, share_rows
from weakseg.constraints.linear_rows import LinearRows, deletion, join
from weakseg.types import ABSENT, PRESENT, WeakLabels


@dataclass(frozen=True)
class TaggedClassesPresent:
    """Tagged classes cover at least a fraction, equation `tags-present`.

    Pathak, Krähenbühl and Darrell 2015, equation (8): a share of .05 with a price of 2.
    """

    share: float = 0.05
    """Smallest fraction of the whole image's valid pixels that each tagged class covers, in [0, 1]."""
    price: float = 2.0
    """Nats for each cell that a class lacks, 0 or above; `inf` where none may lack any."""
    background: int | None = None
    """Index of a class that is left to `BackgroundBetween`."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """One row for each tagged class."""
        return [join(self._rows(cells), len(cells.tags), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells):
        tagged = [k for k, tag in enumerate(cells.tags.tolist()) if tag == PRESENT and k != self.background]
        return [
            share_rows(cells, one_class(k, len(cells.tags)), (self.share, float("inf")), self.price, f"class {k}")
            for k in tagged
        ]


@dataclass(frozen=True)
class UntaggedClassesAbsent:
    """Classes tagged `ABSENT` are deleted, equation `tags-absent`.

    Classes without a tag stay.

    Pathak, Krähenbühl and Darrell 2015, equation (7). Deleted as in their code, not priced: a row with a huge
    multiplier would say the same and take many more steps.
    """

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """No row; deleted classes only."""
        require_valid(weak)
        return [deletion(tags == ABSENT, None, grid) for tags in weak.tags.cpu()]
