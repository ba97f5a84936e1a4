"""Bounds on the ratio of two classes."""

from dataclasses import dataclass
from math import inf

from weakseg.constraints.cells import cells_of
from weakseg.constraints.class_shares import one_class, share_rows
from weakseg.constraints.linear_rows import LinearRows, join
from weakseg.types import WeakLabels


@dataclass(frozen=True)
class RatioBetween:
    r"""Ratio of two classes between bounds, equation `ratio`.

    One class covers between `lower` and `upper` times as much as another.

    Two rows with right-hand side 0. On a crop the part outside may hold any amount of both, so the rows are nearly
    always vacuous there and are dropped.
    """

    label: int
    """Index of the bounded class, counted from 0."""
    other: int
    """Index of the class that it is compared with, counted from 0."""
    lower: float = 0.0
    """Smallest ratio, 0 or above; 0 is no bound."""
    upper: float = inf
    """Largest ratio, 0 or above; `inf` is no bound."""
    price: float = 2.0
    """Nats for each cell that is missing or too much, of the class that weighs more in the ratio; 0 or above, and
    `inf` where a bound must hold."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """At most two rows per image."""
        classes = weak.tags.shape[1]
        mine, theirs = one_class(self.label, classes), one_class(self.other, classes)
        name = f"class {self.label} against {{}} times class {self.other}:"
        found = []
        for cells in cells_of(weak, grid):
            # A bound of 0 or infinity is vacuous on every image, so no crop drops it.
            sides = [(self.lower, (0.0, inf))] * (self.lower > 0) + [(self.upper, (-inf, 0.0))] * (self.upper < inf)
            rows = [
                share_rows(cells, mine - times * theirs, bounds, self.price, name.format(times))
                for times, bounds in sides
            ]
            found.append(join(rows, classes, grid))
        return found
