"""Constraints from a bounding box around each object."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.cells import Cells, cells_of, overlap
from weakseg.constraints.class_shares import one_class
from weakseg.constraints.linear_rows import LinearRows, class_row, deletion, join, nothing
from weakseg.types import WeakLabels


@dataclass(frozen=True)
class BoxesFilled:
    """Each box holds a fraction of its class, equation `boxes-filled`.

    Pathak, Krähenbühl and Darrell 2015, section 7.4: 75 %. The part of a box that a crop cuts off may be full, so the
    visible part has to hold that much less.
    """

    share: float = 0.75
    """Smallest fraction of a box's valid pixels that is of its class, in [0, 1]; 0 is no bound."""
    price: float = 2.0
    """Nats for each cell that a box lacks, 0 or above; `inf` where none may lack any."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """One row per box."""
        return [join(self._rows(cells), len(cells.tags), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells) -> list[LinearRows]:
        return [self._row(cells, int(label), box) for label, *box in cells.boxes.tolist()]

    def _row(self, cells: Cells, label: int, box: list[float]) -> LinearRows:
        inside = cells.cover(torch.tensor(box))
        shown, outside_view = float((inside * cells.valid).sum()), _outside_view(cells, box)
        # The hidden part of the box may be all of its class: equation `crop-bounds` for a box in place of the image.
        bound = self.share * (shown + outside_view) - outside_view
        grid = (cells.valid.shape[0], cells.valid.shape[1])
        if bound <= 0:
            return nothing(len(cells.tags), grid, dropped=1)
        name = f"class {label} in its box from row {box[0]:.0f}, column {box[1]:.0f}"
        return class_row(one_class(label, len(cells.tags)), bound, None, self.price, name, _touched(inside))


@dataclass(frozen=True)
class NothingOutsideBoxes:
    """Classes with boxes are deleted outside them, equation `boxes-outside`.

    A cell that any box touches stays.

    Pathak, Krähenbühl and Darrell 2015, section 7.4. Classes without boxes are left to other constraints.
    """

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """No row; deleted cells only."""
        return [self._deleted(cells, grid) for cells in cells_of(weak, grid)]

    def _deleted(self, cells: Cells, grid: tuple[int, int]) -> LinearRows:
        classes = len(cells.tags)
        if not len(cells.boxes):
            return nothing(classes, grid)
        outside = torch.zeros((classes, *grid), dtype=torch.bool)
        # Forbidden everywhere first, then allowed where any box of the class reaches.
        outside[cells.boxes[:, 0].long()] = True
        for label, *box in cells.boxes.tolist():
            outside[int(label)] &= cells.cover(torch.tensor(box)) == 0
        return deletion(torch.zeros(classes, dtype=torch.bool), outside, grid)


@dataclass(frozen=True)
class BoxesTight:
    """Every line across a box meets its class, equation `boxes-tight`.

    There is one row for each line of cells.

    A line of cells holds several lines of pixels, of which each has `crossing_px` pixels of the class at least. Void is
    assumed not to hide a crossing. Lines that a crop cuts are dropped.
    """

    crossing_px: float = 1.0
    """Fewest pixels of the class on each line of pixels across its box, above 0."""
    price: float = 2.0
    """Nats for each cell that a line lacks, 0 or above; `inf` where none may lack any."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """One row per line of cells across each box.

        In both directions.
        """
        return [join(self._rows(cells), len(cells.tags), grid) for cells in cells_of(weak, grid)]

    def _rows(self, cells: Cells) -> list[LinearRows]:
        found = []
        for label, *box in cells.boxes.tolist():
            weights = one_class(int(label), len(cells.tags))
            for axis, word in ((0, "row"), (1, "column")):
                name = f"class {int(label)} across its box in {word}"
                found += self._across(cells, weights, torch.tensor(box), axis, name)
        return found

    def _across(
        self, cells: Cells, weights: Float[Tensor, " C"], box: Float[Tensor, " 4"], axis: int, name: str
    ) -> list[LinearRows]:
        """Rows for the lines of cells along one axis."""
        count, pixels = cells.valid.shape[axis], cells.size[axis]
        along = overlap(box[axis::2], count, pixels)
        lines = along.nonzero().flatten().tolist()
        start, stop = box[1 - axis :: 2].tolist()
        # A crossing may lie in the hidden part of the line.
        if start < 0 or stop > cells.size[1 - axis]:
            return [replace(nothing(len(weights), (cells.valid.shape[0], cells.valid.shape[1])), dropped=len(lines))]
        inside, per_cell = cells.cover(box), cells.size[0] * cells.size[1] / cells.valid.numel()
        found = []
        for line in lines:
            only = torch.zeros_like(inside)
            only.select(axis, line).copy_(inside.select(axis, line))
            crossed_px = float(along[line]) * pixels / count
            # Void may leave fewer valid pixels than the row asks for, and a row that cannot hold would contradict
            # itself.
            bound = min(crossed_px * self.crossing_px / per_cell, float((only * cells.valid).sum()))
            bound = bound if bound > 0 else None
            found.append(class_row(weights, bound, None, self.price, f"{name} {line}", _touched(only)))
        return found


def _touched(cover: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Whole cells wherever a box reaches.

    All that a cell holds of the class may lie in the box's part of it.
    """
    return (cover > 0).double()


def _outside_view(cells: Cells, box: list[float]) -> float:
    """Area of a box outside the view, in cells."""
    top, left, bottom, right = box
    rows, columns = cells.size
    shown = max(0.0, min(bottom, rows) - max(top, 0)) * max(0.0, min(right, columns) - max(left, 0))
    return ((bottom - top) * (right - left) - shown) * cells.valid.numel() / (rows * columns)
