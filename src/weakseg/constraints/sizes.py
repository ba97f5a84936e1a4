"""Constraints from approximate sizes of classes."""

from dataclasses import dataclass
from math import inf

from weakseg.constraints.cells import Cells, cells_of
from weakseg.constraints.class_shares import one_class, share_rows
from weakseg.constraints.linear_rows import LinearRows, join
from weakseg.types import WeakLabels

ROUNDING = 1e-7
"""Rounding of areas, which are float32: exact sizes of all classes would otherwise contradict each other in the last
digit."""


@dataclass(frozen=True)
class SizesWithin:
    """Classes are as large as annotated, equation `sizes`.

    `WeakLabels.areas` has the annotated intervals.
    """

    price: float = 2.0
    """Nats for each cell by which a size is violated, 0 or above; `inf` where it must hold."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """At most two rows for each annotated class."""
        return [join(self._rows(cells), len(cells.areas), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells) -> list[LinearRows]:
        bounds = [(k, low, high) for k, (low, high) in enumerate(cells.areas.tolist()) if (low, high) != (0, 1)]
        return [
            share_rows(
                cells,
                one_class(k, len(cells.areas)),
                (low - ROUNDING if low > 0 else -inf, high + ROUNDING if high < 1 else inf),
                self.price,
                f"class {k}",
            )
            for k, low, high in bounds
        ]


@dataclass(frozen=True)
class LargeOrSmall:
    """Size bounds from one bit per class, equation `sizes`.

    Classes annotated as large cover at least one fraction, small ones at most another.

    Large: their smallest size is the threshold or more; small: their largest is the threshold or less.
    Pathak, Krähenbühl and Darrell 2015, equation (10): one bit at 10 %, large ones at least .1, small ones at most
    .01, which the paper found to work better than the threshold itself although it is not true of all masks.
    """

    threshold: float = 0.1
    """Fraction of the valid pixels that separates large from small in the annotation, between 0 and 1."""
    large_at_least: float = 0.1
    """Smallest fraction of the whole image's valid pixels that a large class covers, in [0, 1]."""
    small_at_most: float = 0.01
    """Largest fraction of the whole image's valid pixels that a small class covers, in [0, 1]."""
    price: float = 2.0
    """Nats for each cell by which a bound is violated, 0 or above; `inf` where it must hold."""
    background: int | None = None
    """Index of a class that is left to `BackgroundBetween`."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """One row for each class with a known bit."""
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
