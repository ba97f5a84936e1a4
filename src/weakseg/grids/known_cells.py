"""The annotators' labels on the cells of a grid."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.grids.pooling import classes_per_cell, share_per_cell
from weakseg.types import ABSENT, PRESENT, UNLABELED, WeakLabels, refuse_strange_labels


@dataclass(frozen=True)
class Known:
    """Valid, unlabelled and labelled fractions of each cell."""

    valid: Float[Tensor, "B h w"]
    unlabelled: Float[Tensor, "B h w"]
    labelled: Float[Tensor, "B C h w"] | None
    """Fraction of each cell labelled as each class; `None` where no image has a seed."""


def known_cells(weak: WeakLabels, classes: int, grid: tuple[int, int]) -> Known:
    """Labels pooled to a grid.

    Raises `EvidenceInvalid` where a seed is of no class.
    """
    # Labels on void would count although nothing may be learnt there.
    seeds, fractions = torch.where(weak.valid, weak.seeds, UNLABELED), None
    if (seeds != UNLABELED).any():
        refuse_strange_labels(seeds, classes)
        fractions = classes_per_cell(seeds, classes, grid)
    return Known(share_per_cell(weak.valid, grid), share_per_cell(weak.hidden, grid), fractions)


def with_seeds(target: Float[Tensor, "B C h w"], known: Known) -> Float[Tensor, "B C h w"]:
    """The target, with the seeds in fully labelled cells."""
    if known.labelled is None:
        return target
    labelled = known.labelled.to(target.dtype)
    total = labelled.sum(1, keepdim=True)
    # In a cell that is labelled in part, the rest is still to be found, so the solver's answer stays.
    only = (total > 0) & (known.unlabelled == 0)[:, None]
    return torch.where(only, labelled / total.clamp(min=1e-12), target)


def allowed_classes(seeds: Int[Tensor, "H W"], tags: Int[Tensor, " C"], only_present: bool) -> Bool[Tensor, " C"]:
    """Mask of the classes that may appear.

    Those with a seed or a `PRESENT` tag; if there is none, those not tagged `ABSENT`; or all.
    """
    everything = torch.ones(len(tags), dtype=torch.bool)
    if not only_present:
        return everything
    present = tags.cpu() == PRESENT
    # A class that is drawn is there, whatever the tags say.
    present[seeds[seeds != UNLABELED].cpu()] = True
    for choice in (present, tags.cpu() != ABSENT):
        if choice.any():
            return choice
    return everything
