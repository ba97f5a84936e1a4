"""Kernel cuts: similarity between a class and all others."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from weakseg.types import Evidence


@runtime_checkable
class Kernel(Protocol):
    """Interface of a symmetric matrix W >= 0 over cells."""

    def __call__(self, values: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, "B C h w"]:
        """W times each channel; 0 on invalid cells."""
        ...


def cuts(
    probs: Float[Tensor, "B C h w"], evidence: Evidence, kernel: Kernel
) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B C"]]:
    r"""Cut and volume of each class, equation `cut-volume`.

    :math:`S_k^\top W (1 - S_k)` and :math:`d^\top S_k`, with d = W1.

    Differentiable once. The kernel is applied once and outside autograd, so memory is that of a few copies of
    `probs`, however many pairs the kernel has.
    """
    with torch.no_grad():
        # The degrees as one more channel, rather than by a second pass over all pairs.
        applied = kernel(torch.cat([probs, torch.ones_like(probs[:, :1])], 1), evidence)
        agreeing, degree = applied[:, :-1], applied[:, -1:]
    return _Cut.apply(probs, degree, agreeing), (probs * degree).sum((2, 3))


class _Cut(torch.autograd.Function):
    """The quadratic form S'(d - WS).

    By symmetry of W its gradient is d - 2WS, and WS is at hand.
    """

    @staticmethod
    def forward(ctx, probs, degree, agreeing):
        # The whole backward pass needs no kernel, hence no second pass over pairs. That holds because W is symmetric; a
        # kernel that is not would get a wrong gradient in silence.
        ctx.save_for_backward(degree, agreeing)
        # Rounding may bring a cut of 0 below it.
        return (probs * (degree - agreeing)).sum((2, 3)).clamp(min=0)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # pyright: ignore[reportIncompatibleMethodOverride]
        degree, agreeing = ctx.saved_tensors
        return grad[:, :, None, None] * (degree - 2 * agreeing), None, None
