"""What the colours and places of an image's scribbles say about its other pixels, for any stage A."""

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
    """What the look of an image says about each class, without any network. A frozen dataclass."""

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """What each class costs in each cell of a grid, in nats, at least 0."""
        ...


@dataclass(frozen=True)
class ScribbleDensities:
    r"""Scribbles' colours and places as a cost, :math:`-\log q_i^k` of equation 49.

    A pixel near a scribble and like it in colour is probably of its class. Of each class that is drawn in the view a
    density of colour and place is taken, equation 48. A class that is not drawn there costs as much as an undecided
    pixel; where fewer than two are drawn nothing is said.

    Raises:
        RecipeInvalid: cells of less than a pixel; a share of misled pixels that is not between 0 and 1.

    Nieuwenhuis and Cremers 2013, section 3.
    """

    cell_px: int = 4
    """Side of the cells whose mean colours are judged, in pixels; finer ones cost more and say little more."""
    misled: float = 0.01
    """Share of pixels whose colour and place say nothing about their class; caps the cost at -log(misled / K)."""

    def __post_init__(self):
        if not (isinstance(self.cell_px, int) and self.cell_px >= 1 and 0 < self.misled < 1):
            raise RecipeInvalid(
                f"ScribbleDensities(cell_px={self.cell_px}, misled={self.misled})",
                expected="whole pixels from 1, and a share between 0 and 1",
            )

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Costs of all classes; 0 on images with fewer than two classes drawn."""
        weak, classes = evidence.weak, evidence.log_probs.shape[1]
        colors = colors_of_cells(evidence, grid, self.cell_px).numpy()
        images = torch.where(weak.valid[:, None], evidence.image.float(), 0).clamp(0, 1).cpu().numpy()
        seeds = torch.where(weak.valid, weak.seeds, UNLABELED).cpu().numpy()
        costs = [self._image(*each, classes) for each in zip(images, colors, seeds, strict=True)]
        found = torch.from_numpy(np.stack(costs))
        return on_grid_of(found, weak.valid.cpu(), grid).to(evidence.log_probs.device)

    def _image(self, image, colors, seeds, classes: int) -> Float[np.ndarray, "C h w"]:
        drawn = np.unique(seeds[seeds != UNLABELED])
        costs = np.zeros((classes, *colors.shape[1:]), np.float32)
        if len(drawn) < 2:
            return costs
        sure = np.exp(log_softmax(scores_on_cells(image, colors, seeds, drawn.tolist()), 0))
        costs[:] = np.log(len(drawn))
        costs[drawn] = -np.log((1 - self.misled) * sure + self.misled / len(drawn))
        return costs
