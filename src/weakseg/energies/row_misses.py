"""Violations of linear rows, for penalties on constraints."""

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import Constraint, rows_of
from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence


def row_misses(
    constraint: Constraint, probs: Float[Tensor, "B C h w"], evidence: Evidence
) -> list[Float[Tensor, " _"]]:
    """Bound minus value of every row, per image.

    In fractions of the valid cells; below 0 where there is room.

    A deleted class counts as a row that allows none of it; an image without a valid pixel has no row. Differentiable;
    no loop over rows.
    """
    grid = (probs.shape[2], probs.shape[3])
    valid = share_per_cell(evidence.weak.valid, grid).to(probs)
    found = []
    each = rows_of(constraint, evidence.weak, grid, probs.shape[1])
    for image, (rows, mine) in enumerate(zip(each, valid, strict=True)):
        misses = rows.bounds.to(probs) - rows.values(probs[image], mine)
        deleted = rows.absent[:, None, None] if rows.forbidden is None else rows.forbidden | rows.absent[:, None, None]
        # A deletion has no row in `LinearRows`, since solvers take the class out. A loss cannot, so it gets a row here.
        gone = deleted.flatten(1).any(1)
        there = (probs[image] * mine * deleted.to(probs))[gone.to(probs.device)].sum((1, 2))
        shares = torch.cat([misses, there]) / mine.sum().clamp(min=1e-6)
        # Without a valid cell every lower bound would be missed, and nothing could be learnt from it.
        found.append(shares if mine.any() else shares[:0])
    return found
