"""A hidden segmentation that is held while a batch is taken for several steps."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.objectives import Fit
from weakseg.train.parts import parts
from weakseg.types import Batch, Objective


def holding(objective: Objective, logits: Float[Tensor, "B C h w"], batch: Batch) -> Batch:
    """The batch with what the objective's `Fit` finds for it now; as it is where nothing is found at every step."""
    fit = next((fit for fit in parts(objective, Fit) if fit.every_epochs is None), None)
    if fit is None:
        return batch
    with torch.no_grad():
        solution = fit.solution(logits, batch)
    return replace(batch, memory=replace(batch.memory, target=solution.target, weight=solution.weight))
