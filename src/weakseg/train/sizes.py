"""Training steps on images of several sizes.

Each size is a batch of its own, so that no image costs more than alone.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from weakseg.data.view import of_one_size, together
from weakseg.losses.nested import parts
from weakseg.losses.objectives import Fit
from weakseg.networks.group_norm import ContiguousGroupNorm
from weakseg.train.loader import Collate
from weakseg.types import Batch, Objective


class EachSize(nn.Module):
    """A network on batches of different sizes, in one call.

    One call is needed because distributed training counts calls.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.guarded = network, True

    def forward(self, images: Sequence[Float[Tensor, "_ M _ _"]]) -> tuple[Float[Tensor, "_ C _ _"], ...]:
        """The logits of each batch."""
        if not self.guarded:
            return tuple(self.network(image) for image in images)
        with ContiguousGroupNorm() as guard:
            logits = tuple(self.network(image) for image in images)
        # The guard costs some milliseconds, and the same layers train at every step: the first shows if it is needed.
        self.guarded = guard.needed
        return logits


def collate_for(network: nn.Module) -> Collate:
    """The function that makes batches of a step's views.

    Each size is a batch, unless the network takes statistics over batches: those of single images would be noise, so
    that images are padded to one size and make one batch.
    """
    modules = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    # By trying, because frozen layers stay in evaluation mode whatever they are told.
    return together if any(module.train().training for module in modules) else of_one_size


def mean_loss(
    objective: Objective, logits: Sequence[Float[Tensor, "_ C _ _"]], batches: Sequence[Batch]
) -> Float[Tensor, ""]:
    """The mean loss over all images of a step."""
    total = sum(len(batch.keys) for batch in batches)
    terms = [
        # In float32: half precision cannot hold the exponentials of a loss. Weighted by images, so that a step's loss
        # does not depend on how its images fall into sizes.
        objective(each.float(), batch) * (len(batch.keys) / total)
        for each, batch in zip(logits, batches, strict=True)
    ]
    return torch.stack(terms).sum()


def all_with_targets(
    objective: Objective, logits: Sequence[Float[Tensor, "_ C _ _"]], batches: Sequence[Batch]
) -> tuple[Batch, ...]:
    """The batches with their targets, solved for now."""
    return tuple(with_targets(objective, each.float(), batch) for each, batch in zip(logits, batches, strict=True))


def with_targets(objective: Objective, logits: Float[Tensor, "B C h w"], batch: Batch) -> Batch:
    """The batch with the targets that the objective's `Fit` finds for it now; as it is without a `Fit`."""
    fit = next(parts(objective, Fit), None)
    if fit is None:
        return batch
    with torch.no_grad():
        return replace(batch, targets=fit.solution(logits, batch))
