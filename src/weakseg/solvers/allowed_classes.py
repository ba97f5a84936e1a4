"""Which classes may appear in an image, by what was drawn and told of it."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from weakseg.types import ABSENT, PRESENT, UNLABELED


def allowed_classes(seeds: Int[Tensor, "H W"], tags: Int[Tensor, " C"], only_present: bool) -> Bool[Tensor, " C"]:
    """Those with a seed or a `PRESENT` tag; without any, those not tagged `ABSENT`; or all."""
    everything = torch.ones(len(tags), dtype=torch.bool)
    if not only_present:
        return everything
    present = tags.cpu() == PRESENT
    present[seeds[seeds != UNLABELED].cpu()] = True
    for choice in (present, tags.cpu() != ABSENT):
        if choice.any():
            return choice
    return everything
