r"""The sweeps of `edge_ascent` in torch, for many images.

It serves devices that numba does not reach.

In each direction the edges that begin at even rows or columns step first, then those at odd ones: no two of them share
a cell, so that they step at once, in all classes and images. Edges between slices of a volume go down many rows, and
blocks of as many rows take turns. The results are the same, step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.grids.neighbours import ends
from weakseg.joint.edges.edge_costs_torch import entering_tensors


@dataclass(frozen=True)
class SweepState:
    """State of the sweeps."""

    edges: Float[Tensor, "B D C h w"]
    """Edge multipliers, each at the cell where its edge begins."""
    before: Float[Tensor, "B D C h w"]
    """Edge multipliers one sweep earlier."""
    mean: Float[Tensor, "B C h w"]
    """Mean distribution over sweeps, weighted by the cube of their number."""


def sweep_tensors(
    swept: SweepState,
    scores: Float[Tensor, "B C h w"],
    inverse: Float[Tensor, "B h w"],
    half: Float[Tensor, "B D h w"],
    steps: Sequence[tuple[int, int]],
    firsts: Sequence[int],
    count: int,
) -> SweepState:
    """Sweep `count` times over all edges, in place.

    Nothing waits for the device.

    Args:
        swept: where to begin.
        scores: logarithms before edges; finite, very low where a class is not allowed.
        inverse: 1 / mass; next to 0 where nothing can change.
        half: half the weight of each edge.
        steps: rows and columns to the other end.
        firsts: number of each image's first sweep since its momentum began; 1 or more.
        count: how many.
    """
    edges, before, mean = swept.edges, swept.before, swept.mean
    inverse = inverse[:, None]
    logs = scores + inverse * entering_tensors(edges, steps)
    last = scores + inverse * entering_tensors(before, steps)
    groups = [(d, step, odd) for d, step in enumerate(steps) for odd in (0, 1)]
    pairs = []
    for d, step, odd in groups:
        near, far = _pairs(inverse, step, odd)
        most = _pairs(half[:, d, None], step, odd)[0]
        # Divisions and views are made once, outside the sweeps.
        pairs.append((near, far, 1 / (near + far), most, _turn(most, step, odd)))
    number = torch.tensor(firsts, dtype=scores.dtype, device=scores.device)[:, None, None, None]
    for _ in range(count):
        # `lerp` from the state before to the present one, by more than 1, is the extrapolation of momentum, in one
        # kernel and without a copy.
        further = 1 + (number - 1) / (number + 2)
        last, logs = logs, last.lerp_(logs, further)
        before, edges = edges, before.lerp_(edges, further[..., None])
        partition = logs.logsumexp(1, keepdim=True)
        logs -= partition
        last -= partition
        mean.lerp_(logs.exp(), 4 / (number + 3))
        for (d, step, odd), (near, far, share, most, turn) in zip(groups, pairs, strict=True):
            one, other = _pairs(logs, step, odd)
            edge = _pairs(edges[:, d], step, odd)[0]
            new = torch.addcmul(edge, one - other, share).clamp_(-most, most)
            new = new if turn is None else torch.where(turn, new, edge)
            moved = new - edge
            edge.copy_(new)
            one.addcmul_(moved, near, value=-1)
            other.addcmul_(moved, far)
        number = number + 1
    return SweepState(edges, before, mean)


def _pairs(values: Tensor, step: tuple[int, int], odd: int) -> tuple[Tensor, Tensor]:
    """Both ends of every second pair along a step, or of all pairs where `_turn` chooses among them.

    `odd` chooses pairs that begin at even or odd rows, or columns for pairs within a row.
    """
    near, far = ends(values, step)
    if step[0] > 1:
        return near, far
    return (near[..., odd::2, :], far[..., odd::2, :]) if step[0] else (near[..., odd::2], far[..., odd::2])


def _turn(values: Tensor, step: tuple[int, int], odd: int) -> Tensor | None:
    """Mask of the pairs in every second block of as many rows as the step goes down; `None` for steps of a row."""
    if step[0] <= 1:
        return None
    return (torch.arange(values.shape[-2], device=values.device)[:, None] // step[0]) % 2 == odd
