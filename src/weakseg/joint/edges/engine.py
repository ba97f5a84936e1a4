"""The loops of the joint ascent: compiled for one image on a CPU, or in torch for many on any device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from weakseg.joint.edges.edge_ascent import climb
from weakseg.joint.edges.edge_ascent_torch import SweepState, sweep_tensors
from weakseg.joint.edges.edge_costs import entering, seen
from weakseg.joint.edges.edge_costs_torch import Seen, entering_tensors, seen_tensors


@dataclass(frozen=True)
class Engine:
    """The loops of an ascent; each field does what the torch function does."""

    sweep: Callable[..., SweepState]
    entering: Callable[..., Tensor]
    seen: Callable[..., Seen]


def _array(values: Tensor) -> np.ndarray:
    return values[0].numpy()


def _sweep(swept: SweepState, scores, inverse, half, steps, firsts, count) -> SweepState:
    state = _array(swept.edges), _array(swept.before), _array(swept.mean)
    # Arrays share the tensors' memory, so the sweeps write into the state itself.
    climb(_array(scores), state, _array(inverse), _array(half), np.array(steps), firsts[0], count)
    return swept


def _entering(edges: Tensor, steps: Sequence[tuple[int, int]]) -> Tensor:
    # In double precision whatever the edges have: gaps are computed from it.
    added = torch.empty_like(edges[:, 0], dtype=torch.float64)
    entering(_array(edges), np.array(steps), _array(added))
    return added


def _seen(scores: Tensor, taken: Tensor, mean: Tensor, cells: tuple[Tensor, Tensor], edges) -> Seen:
    soft, (half, steps) = torch.empty_like(scores), edges
    mass, moving = map(_array, cells)
    values = seen(*map(_array, (scores, taken, mean)), (mass, moving), (_array(half), np.array(steps)), _array(soft))
    return Seen(soft, *torch.tensor(values, dtype=torch.float64)[:, None])


COMPILED = Engine(_sweep, _entering, _seen)
TORCH = Engine(sweep_tensors, entering_tensors, seen_tensors)
