"""A hidden segmentation that is held while a batch is taken for several steps."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.errors import RecipeInvalid
from weakseg.objectives import Fit
from weakseg.train.parts import parts
from weakseg.types import Batch, Objective


def holding(objective: Objective, logits: Float[Tensor, "B C h w"], batch: Batch) -> Batch:
    """The batch with what the objective's `Fit` finds for it now; as it is where nothing is found at every step.

    Raises:
        RecipeInvalid: several terms find one; one a batch is held.
    """
    fits = [fit for fit in parts(objective, Fit) if fit.every_epochs is None]
    if len(fits) > 1:
        found = f"{len(fits)} terms of an objective that find a hidden segmentation, with steps_per_batch"
        raise RecipeInvalid(found, expected="one at most")
    if not fits:
        return batch
    with torch.no_grad():
        solution = fits[0].solution(logits, batch)
    return replace(batch, memory=replace(batch.memory, target=solution.target, weight=solution.weight))
