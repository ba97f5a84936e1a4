"""The optimiser of a recipe, and its learning rates.

The rate is a function of the step alone.
"""

import torch
from torch import nn
from torch.optim import Optimizer

from weakseg.recipe.recipe import AdamW, Phase, Recipe


def make_optimizer(recipe: Recipe, network: nn.Module) -> Optimizer:
    """The optimiser of a recipe.

    It has two groups: parameters with pretrained weights, and fresh ones, which learn `fresh_factor` times faster.

    A network names its fresh parameters in `fresh_parameters`; without it, all are in the first group.
    """
    fresh = getattr(network, "fresh_parameters", frozenset())
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in named if name not in fresh], "factor": 1.0},
        {"params": [p for name, p in named if name in fresh], "factor": recipe.optimizer.fresh_factor},
    ]
    # torch refuses a group without parameters.
    groups = [group for group in groups if group["params"]]
    how = recipe.optimizer
    # Rates are left out, because `set_learning_rate` sets them before every step.
    if isinstance(how, AdamW):
        return torch.optim.AdamW(groups, weight_decay=how.weight_decay)
    return torch.optim.SGD(groups, momentum=how.momentum, weight_decay=how.weight_decay)


def set_learning_rate(optimizer: Optimizer, phase: Phase, done: float) -> float:
    """Set the learning rate of every group.

    `done` is the fraction of the phase that is done. Returns the rate of pretrained parameters.
    """
    rising = min(done / phase.warm_up, 1.0) if phase.warm_up > 0 else 1.0
    # The fall begins where the rise ends, so that the highest rate is reached exactly once.
    falling = ((1 - done) / (1 - phase.warm_up)) ** phase.decay_power if done > phase.warm_up else 1.0
    rate = phase.learning_rate * rising * falling
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    return rate
