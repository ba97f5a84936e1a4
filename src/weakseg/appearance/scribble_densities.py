"""Costs from the colours and places of scribbles.

They serve any solver of stage A.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import log_softmax
from torch import Tensor

from weakseg.appearance.cells import colors_of_cells, on_grid_of
from weakseg.appearance.scribble_scores import scores_on_cells
from weakseg.errors import RecipeInvalid
from weakseg.types import UNLABELED, Evidence


@runtime_checkable
class Appearance(Protocol):
    """Interface of costs from an image's appearance.

    No network is involved. A frozen dataclass.
    """

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Cost of each class in each cell.

        In nats, at least 0.
        """
        ...


@dataclass(frozen=True)
class ScribbleDensities:
    r"""Colours and places of scribbles as costs, equation `one-image`.

    The cost is :math:`-\log q_i^k`.

    A pixel near a scribble and like it in colour is probably of its class. Each class with a scribble in the view has a
    density of colour and place, equation `scribble-density`. A class without one costs as much as an undecided pixel;
    with fewer than two scribbled classes all costs are 0.

    Raises:
        RecipeInvalid: cells are smaller than a pixel, or the fraction of misled pixels is not between 0 and 1.

    Nieuwenhuis and Cremers 2013, section 3.
    """

    cell_px: int = 4
    """Side of the cells whose mean colours are compared, in pixels; finer ones cost more and add little."""
    misled: float = 0.01
    """Fraction of pixels whose colour and place say nothing about their class; caps the cost at -log(misled / K)."""

    def __post_init__(self):
        if not (isinstance(self.cell_px, int) and self.cell_px >= 1 and 0 < self.misled < 1):
            raise RecipeInvalid(
                f"ScribbleDensities(cell_px={self.cell_px}, misled={self.misled})",
                expected="whole pixels from 1, and a fraction between 0 and 1",
            )

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Costs of all classes.

        They are 0 on images with fewer than two scribbled classes.
        """
        weak, classes = evidence.weak, evidence.log_probs.shape[1]
        colors = colors_of_cells(evidence.image, weak.valid, grid, self.cell_px).numpy()
        # Void pixels may hold nan, which would spread to all costs.
        images = torch.where(weak.valid[:, None], evidence.image.float(), 0).clamp(0, 1).cpu().numpy()
        seeds = torch.where(weak.valid, weak.seeds, UNLABELED).cpu().numpy()
        # On the CPU, one image after the other: scribbles differ in number, and the compiled loop is quicker than a
        # batch of ragged arrays.
        costs = [self._image(*each, classes) for each in zip(images, colors, seeds, strict=True)]
        found = torch.from_numpy(np.stack(costs))
        return on_grid_of(found, weak.valid.cpu(), grid).to(evidence.log_probs.device)

    def _image(self, image, colors, seeds, classes: int) -> Float[np.ndarray, "C h w"]:
        drawn = np.unique(seeds[seeds != UNLABELED])
        costs = np.zeros((classes, *colors.shape[1:]), np.float32)
        # A single density says nothing about where it ends: every pixel would agree with it.
        if len(drawn) < 2:
            return costs
        # A class that is not drawn costs as much as one at odds of one to K. At 0 it would win everywhere, at the cap
        # it would be forbidden.
        costs[:] = np.log(len(drawn))
        costs[drawn] = self.costs_of(scores_on_cells(image, colors, seeds, drawn.tolist()))
        return costs

    def costs_of(self, scores: Float[np.ndarray, "K *cells"]) -> Float[np.ndarray, "K *cells"]:
        """Costs of the scribbled classes with these log-densities."""
        sure = np.exp(log_softmax(scores, 0))
        # Equation `one-image`: mixed with a uniform distribution, so that no pixel is certain of its class from colours
        # alone.
        return -np.log((1 - self.misled) * sure + self.misled / len(scores))
