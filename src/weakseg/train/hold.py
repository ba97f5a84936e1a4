"""A hidden segmentation that is found once a batch, and held while the batch is taken for several steps."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.objectives import Fit
from weakseg.train.parts import parts
from weakseg.train.solves import Solve, solves_of
from weakseg.types import Batch, Objective


def holding(objective: Objective, logits: Float[Tensor, "B C h w"], batch: Batch) -> tuple[Batch, list[Solve]]:
    """The batch with what the objective's `Fit` finds for it now, and how that ended.

    As it is where nothing is found at every step, or where several parts each find their own.
    """
    fits = [fit for fit in parts(objective, Fit) if fit.every_epochs is None]
    if len(fits) != 1:
        return batch, []
    with torch.no_grad():
        solution = fits[0].solution(logits, batch)
    memory = replace(batch.memory, target=solution.target, weight=solution.weight)
    return replace(batch, memory=memory), solves_of(batch.keys, solution)
