"""The values of `edge_costs` in torch, for many images.

They serve devices that numba does not reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.grids.neighbours import ends


def entering_tensors(edges: Float[Tensor, "B D C h w"], steps: Sequence[tuple[int, int]]) -> Float[Tensor, "B C h w"]:
    """Net sum of edge multipliers per cell.

    What enters a cell minus what leaves it.
    """
    added = torch.zeros_like(edges[:, 0])
    for d, step in enumerate(steps):
        (near, far), flow = ends(added, step), ends(edges[:, d], step)[0]
        near -= flow
        far += flow
    return added


@dataclass(frozen=True)
class Seen:
    """What a look at the sweeps finds: two segmentations, and what edges add to their gaps."""

    soft: Float[Tensor, "B C h w"]
    """The segmentation of the multipliers: softmax of scores and multipliers."""
    partition: Float[Tensor, " B"]
    """Sum over cells of mass times log-sum-exp."""
    paid: Float[Tensor, " B"]
    """Cost of label changes of `soft` beyond what the multipliers promise; 0 or more."""
    mean_paid: Float[Tensor, " B"]
    """The same of the mean, and its divergence from `soft`."""


def seen_tensors(
    scores: Float[Tensor, "B C h w"],
    taken: Float[Tensor, "B C h w"],
    mean: Float[Tensor, "B C h w"],
    cells: tuple[Float[Tensor, "B h w"], Float[Tensor, "B h w"]],
    edges: tuple[Float[Tensor, "B D h w"], Sequence[tuple[int, int]]],
) -> Seen:
    """The values of a look, in double precision.

    Args:
        scores: -inf where a class is not allowed.
        taken: net sum of edge multipliers per cell.
        mean: mean segmentation of the sweeps.
        cells: mass of each cell, above 0, and the same where something can change; else 0.
        edges: half the weight of each edge, and rows and columns to its other end.
    """
    mass, moving = cells
    logits = scores + taken / mass[:, None]
    top = logits.amax(1, keepdim=True)
    soft = (logits - top).exp()
    total = soft.sum(1, keepdim=True)
    soft /= total
    ratio = torch.where(mean > 0, mean * (mean.log() - soft.log()), 0.0)
    # Where a class is not allowed, soft is 0 and the weight may be 0 too: infinity times 0 would be NaN.
    divergence = torch.where(moving > 0, ratio.sum(1) * moving, 0.0).sum((1, 2))
    partition = (mass * (top + total.log())[:, 0]).sum((1, 2))
    return Seen(soft, partition, _paid(soft, taken, *edges), _paid(mean, taken, *edges) + divergence)


def _paid(probs: Tensor, taken: Tensor, half: Tensor, steps: Sequence[tuple[int, int]]) -> Tensor:
    paid = (taken * probs).sum((1, 2, 3))
    for d, step in enumerate(steps):
        near, far = ends(probs, step)
        # The edges' price less what their multipliers already charge: 0 where each multiplier is at the bound that the
        # difference asks for.
        paid += ((near - far).abs() * ends(half[:, d, None], step)[0]).sum((1, 2, 3))
    # Each term is at least 0 by duality; rounding of the sum may be below.
    return paid.clamp(min=0)
