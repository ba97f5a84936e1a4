"""The loops of the joint ascent: compiled for one image on a CPU, or in torch for many on any device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from weakseg.joint.edges.edge_ascent import climb
from weakseg.joint.edges.edge_ascent_torch import SweepState, sweep_tensors
from weakseg.joint.edges.edge_costs import divergence, entering, paid, soften
from weakseg.joint.edges.edge_costs_torch import divergence_tensors, entering_tensors, paid_tensors, soften_tensors


@dataclass(frozen=True)
class Engine:
    """The loops of an ascent; each field does what the function of that name in `edge_costs_torch` does."""

    sweep: Callable[..., SweepState]
    entering: Callable[..., Tensor]
    soften: Callable[..., tuple[Tensor, Tensor]]
    paid: Callable[..., Tensor]
    divergence: Callable[..., Tensor]


def _array(values: Tensor) -> np.ndarray:
    return values[0].numpy()


def _value(number: float) -> Tensor:
    return torch.tensor([number], dtype=torch.float64)


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


def _soften(scores: Tensor, taken: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    soft = torch.empty_like(scores)
    flat = [_array(each.flatten(2)) for each in (scores, taken)]
    total = soften(*flat, _array(mass.flatten(1)), _array(soft.flatten(2)))
    return soft, _value(total)


def _paid(probs: Tensor, taken: Tensor, half: Tensor, steps: Sequence[tuple[int, int]]) -> Tensor:
    return _value(paid(_array(probs), _array(taken), _array(half), np.array(steps)))


def _divergence(probs: Tensor, soft: Tensor, moving: Tensor) -> Tensor:
    return _value(divergence(*(_array(each.flatten(2)) for each in (probs, soft)), _array(moving.flatten(1))))


COMPILED = Engine(_sweep, _entering, _soften, _paid, _divergence)
TORCH = Engine(sweep_tensors, entering_tensors, soften_tensors, paid_tensors, divergence_tensors)
