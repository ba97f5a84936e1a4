"""What follows from knowing roughly how large each class is."""

from dataclasses import dataclass
from math import inf

from weakseg.constraints.cells import Cells, cells_of
from weakseg.constraints.class_shares import one_class, share_rows
from weakseg.constraints.linear_rows import LinearRows, join
from weakseg.types import WeakLabels

ROUNDING = 1e-7
"""Of areas, which are float32: exact sizes of all classes would else contradict each other in the last digit."""


@dataclass(frozen=True)
class SizesWithin:
    """Each class covers as much as somebody said it does: `WeakLabels.areas`, equation 20."""

    price: float = 2.0
    """Nats for each cell by which a size is missed, 0 or above; `inf` where it must hold."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """At most two rows for each class that somebody spoke of."""
        return [join(self._rows(cells), len(cells.areas), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells) -> list[LinearRows]:
        said = [(k, low, high) for k, (low, high) in enumerate(cells.areas.tolist()) if (low, high) != (0, 1)]
        return [
            share_rows(
                cells,
                one_class(k, len(cells.areas)),
                (low - ROUNDING if low > 0 else -inf, high + ROUNDING if high < 1 else inf),
                self.price,
                f"class {k}",
            )
            for k, low, high in said
        ]


@dataclass(frozen=True)
class LargeOrSmall:
    """Classes said to be large cover at least one share, those said to be small at most another, equation 20.

    Large: their smallest size is the threshold or more; small: their largest is the threshold or less.
    Pathak, Krähenbühl and Darrell 2015, equation (10): one bit at 10 %, large ones at least .1, small ones at most
    .01, which the paper found to work better than the threshold itself although it is not true of all masks.
    """

    threshold: float = 0.1
    """Share of the valid pixels that annotators told large from small by, between 0 and 1."""
    large_at_least: float = 0.1
    """Smallest share of the whole image's valid pixels that a large class covers, in [0, 1]."""
    small_at_most: float = 0.01
    """Largest share of the whole image's valid pixels that a small class covers, in [0, 1]."""
    price: float = 2.0
    """Nats for each cell by which a bound is missed, 0 or above; `inf` where it must hold."""
    background: int | None = None
    """A class that `BackgroundBetween` looks after, and this rule does not."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """One row for each class whose bit is known."""
        return [join(self._rows(cells), len(cells.areas), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells) -> list[LinearRows]:
        # Areas are float32, so the threshold may come back a little off.
        found = []
        for k, (low, high) in enumerate(cells.areas.tolist()):
            if k != self.background and low >= self.threshold - 1e-6:
                found.append((k, (self.large_at_least, inf)))
            elif k != self.background and 0 < high <= self.threshold + 1e-6:
                found.append((k, (-inf, self.small_at_most)))
        classes = len(cells.areas)
        return [share_rows(cells, one_class(k, classes), bounds, self.price, f"class {k}") for k, bounds in found]
