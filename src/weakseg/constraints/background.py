"""Bounds on the background's size."""

from dataclasses import dataclass
from math import inf

from weakseg.constraints.cells import Cells, cells_of
from weakseg.constraints.class_shares import one_class, share_rows
from weakseg.constraints.linear_rows import LinearRows, nothing
from weakseg.errors import RecipeInvalid
from weakseg.types import ABSENT, WeakLabels


@dataclass(frozen=True)
class BackgroundBetween:
    """Background covers between two fractions of the image, equation `background`.

    So all objects together are bounded too. An image whose background is tagged `ABSENT` has no bounds; the released
    code contradicts itself there. Pathak, Krähenbühl and Darrell 2015, equation (9), with .3 and .7.
    """

    lower: float = 0.3
    """Smallest background fraction of the whole image's valid pixels, in [0, 1]; 0 is no bound."""
    upper: float = 0.7
    """Largest background fraction of the whole image's valid pixels, in [0, 1]; 1 is no bound."""
    price: float = inf
    """Nats for each cell by which a bound is violated, 0 or above; `inf` where it must hold."""
    background: int | None = 0
    """Index of the background, `Classes.background`; refused where a dataset declares none."""

    def __post_init__(self):
        # A data set without a background has no such class; a bound on class 0 would be about something else.
        if self.background is None:
            raise RecipeInvalid(
                "BackgroundBetween is used on a dataset without a background class.",
                fix="Remove the constraint, or declare the background class in dataset.toml.",
            )

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """At most two rows per image."""
        return [self._rows(cells, grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells, grid: tuple[int, int]) -> LinearRows:
        index, classes = self.background or 0, len(cells.tags)
        weights = one_class(index, classes)
        if cells.tags[index] == ABSENT:
            return nothing(classes, grid)
        return share_rows(cells, weights, (self.lower, self.upper), self.price, "background")
