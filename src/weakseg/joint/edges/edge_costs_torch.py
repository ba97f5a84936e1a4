"""The values of `edge_costs` in torch, for many images.

They serve devices that numba does not reach.
"""

from collections.abc import Sequence

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


def soften_tensors(
    scores: Float[Tensor, "B C h w"], taken: Float[Tensor, "B C h w"], mass: Float[Tensor, "B h w"]
) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, " B"]]:
    """Softmax of scores and multipliers, and the sum over cells of mass times log-sum-exp."""
    logits = scores + taken / mass[:, None]
    top = logits.amax(1, keepdim=True)
    soft = (logits - top).exp()
    partition = soft.sum(1, keepdim=True)
    soft /= partition
    return soft, (mass * (top + partition.log())[:, 0]).sum((1, 2))


def paid_tensors(
    probs: Float[Tensor, "B C h w"],
    taken: Float[Tensor, "B C h w"],
    half: Float[Tensor, "B D h w"],
    steps: Sequence[tuple[int, int]],
) -> Float[Tensor, " B"]:
    """Cost of label changes beyond what the multipliers promise; 0 or more."""
    paid = (taken * probs).sum((1, 2, 3))
    for d, step in enumerate(steps):
        near, far = ends(probs, step)
        paid += ((near - far).abs() * ends(half[:, d, None], step)[0]).sum((1, 2, 3))
    return paid.clamp(min=0)


def divergence_tensors(
    probs: Float[Tensor, "B C h w"], soft: Float[Tensor, "B C h w"], moving: Float[Tensor, "B h w"]
) -> Float[Tensor, " B"]:
    """Sum over cells of their weight times the divergence of `probs` from `soft`."""
    ratio = torch.where(probs > 0, probs * (probs.log() - soft.log()), 0.0)
    # Where a class is not allowed, soft is 0 and the weight may be 0 too: infinity times 0 would be NaN.
    return torch.where(moving > 0, ratio.sum(1) * moving, 0.0).sum((1, 2))
