"""Costs from the colours in and around boxes.

They serve any solver of stage A.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.appearance.cells import colors_of_cells, on_grid_of
from weakseg.appearance.color import perceived
from weakseg.appearance.mixture import fit
from weakseg.errors import RecipeInvalid
from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence

FEWEST = 20
"""Smallest number of cells outside all boxes from which their colours are estimated."""

OUTERMOST = 5
"""Percentile that stands for the smallest ratio of densities, which one odd cell would otherwise decide."""

EMPTIEST = 0.9
"""Largest fraction of a box that may look like its outside."""


@dataclass(frozen=True)
class BoxColors:
    r"""Colours inside and outside of boxes as costs, equation `box-colors`.

    Colours that are frequent in a box and rare outside all boxes are the object's. How much of a box the object fills
    is estimated too: colours of the outside can make up no larger fraction of a box than its rarest colour there
    allows. So no fraction has to be known beforehand. Outside its boxes a class costs the most; on images without
    boxes, and where boxes leave next to nothing outside, all costs are 0. Every object of a class with boxes is assumed
    to have one.

    Raises:
        RecipeInvalid: cells are smaller than a pixel, or the fraction of misled pixels is not between 0 and 1/2.

    Rother, Kolmogorov and Blake 2004, section 2 (mixtures); Blanchard, Lee and Scott 2010, section 3 (shares).
    """

    cell_px: int = 4
    """Side of the cells whose mean colours are compared, in pixels."""
    misled: float = 0.02
    """Fraction of pixels with a colour of the other side; caps the cost at -log(misled)."""

    def __post_init__(self):
        if not (isinstance(self.cell_px, int) and self.cell_px >= 1 and 0 < self.misled < 0.5):
            raise RecipeInvalid(
                f"BoxColors(cell_px={self.cell_px}, misled={self.misled})",
                expected="whole pixels from 1, and a fraction between 0 and 0.5",
            )

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Costs of all classes; 0 where boxes say nothing."""
        weak, classes = evidence.weak, evidence.log_probs.shape[1]
        colors = colors_of_cells(evidence.image, weak.valid, grid, self.cell_px).numpy()
        valid = (share_per_cell(weak.valid, colors.shape[2:]) > 0).cpu().numpy()
        size = (weak.valid.shape[1], weak.valid.shape[2])
        costs = [
            self._image(colors[i], valid[i], weak.boxes[i].cpu().numpy(), size, classes) for i in range(len(colors))
        ]
        found = torch.from_numpy(np.stack(costs))
        return on_grid_of(found, weak.valid.cpu(), grid).to(evidence.log_probs.device)

    def _image(self, colors, valid, boxes, size: tuple[int, int], classes: int) -> Float[np.ndarray, "C h w"]:
        costs = np.zeros((classes, *valid.shape), np.float32)
        inside = {
            int(k): covered(boxes[boxes[:, 0] == k, 1:], valid.shape, size) & valid for k in np.unique(boxes[:, 0])
        }
        outside = valid & ~np.any(list(inside.values()), 0) if inside else np.zeros_like(valid)
        # Boxes that cover the image leave no colours to compare with.
        if outside.sum() < FEWEST:
            return costs
        seen = perceived(colors)
        around = fit(seen[outside.ravel()].astype(np.float64)).log_density(seen)
        things = {k: self._thing(seen, within, around) for k, within in inside.items()}
        # A class without boxes has what no boxed class claims; where boxes of several classes overlap, all of them have
        # to leave it.
        costs[:] = -np.log(np.maximum(np.prod([1 - thing for thing in things.values()], 0), self.misled))
        for k, thing in things.items():
            costs[k] = -np.log(thing)
        return costs

    def _thing(self, seen, within: Bool[np.ndarray, "h w"], around) -> Float[np.ndarray, "h w"]:
        """Probability of the class in each cell, from colours."""
        likely = np.full(within.shape, self.misled)
        if not within.any():
            return likely
        of_box = seen[within.ravel()].astype(np.float64)
        # Clipped, so that the exponential stays finite where densities differ by hundreds of nats.
        # Blanchard, Lee and Scott 2010: the fraction of the box that is background is at most the smallest ratio of the
        # box's density to the outside's. A low percentile stands for the smallest.
        ratio = np.exp(np.clip(fit(of_box).log_density(of_box) - around[within.ravel()], -20, 20))
        share = min(float(np.percentile(ratio, OUTERMOST)), EMPTIEST)
        likely[within] = np.clip(1 - share / ratio, self.misled, 1 - self.misled)
        return likely


def covered(boxes: Float[np.ndarray, "_ 4"], grid: tuple[int, ...], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Cells whose centre lies in a box.

    A box that holds no centre covers the cell of its own centre, if that is in view.
    """
    inside = np.zeros(grid, bool)
    row, column = ((np.arange(n) + 0.5) * pixels / n for n, pixels in zip(grid, size, strict=True))
    for top, left, bottom, right in boxes:
        rows, columns = (row >= top) & (row < bottom), (column >= left) & (column < right)
        middle = ((top + bottom) / 2, (left + right) / 2)
        for lines, at, pixels in ((rows, middle[0], size[0]), (columns, middle[1], size[1])):
            if not lines.any() and 0 <= at < pixels:
                lines[int(at * len(lines) / pixels)] = True
        inside |= rows[:, None] & columns
    return inside
