"""Costs from the colours and places of scribbles in a volume."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.appearance.appearances import Appearances
from weakseg.appearance.cells import colors_of_cells, on_grid_of
from weakseg.appearance.scribble_densities import Appearance, ScribbleDensities
from weakseg.appearance.scribble_scores import scores_in_volume
from weakseg.types import UNLABELED, Evidence


def costs_across_slices(
    appearance: Appearance, slices: Evidence, grid: tuple[int, int], slice_px: float
) -> Float[Tensor, "B C h w"]:
    """Costs of an appearance on the slices of one volume, `slice_px` pixels apart.

    A scribble speaks for the slices beside its own as it does for pixels as far away. Other appearances than
    `ScribbleDensities` see each slice by itself.
    """
    if isinstance(appearance, Appearances):
        parts = [costs_across_slices(part, slices, grid, slice_px) for part in appearance.parts]
        return torch.stack(parts).sum(0)
    if isinstance(appearance, ScribbleDensities):
        return _densities(appearance, slices, grid, slice_px)
    return appearance(slices, grid)


def _densities(
    densities: ScribbleDensities, slices: Evidence, grid: tuple[int, int], slice_px: float
) -> Float[Tensor, "B C h w"]:
    weak = slices.weak
    colors = colors_of_cells(slices.image, weak.valid, grid, densities.cell_px).transpose(0, 1).contiguous().numpy()
    image = torch.where(weak.valid[:, None], slices.image.float(), 0).clamp(0, 1).transpose(0, 1).cpu().numpy()
    seeds = torch.where(weak.valid, weak.seeds, UNLABELED).cpu().numpy()
    drawn = np.unique(seeds[seeds != UNLABELED]).tolist()
    costs = np.zeros((slices.log_probs.shape[1], *colors.shape[1:]), np.float32)
    if len(drawn) > 1:
        costs[:] = np.log(len(drawn))
        costs[drawn] = densities.costs_of(scores_in_volume(image, colors, seeds, drawn, slice_px))
    found = torch.from_numpy(costs).transpose(0, 1).contiguous()
    return on_grid_of(found, weak.valid.cpu(), grid).to(slices.log_probs.device)
