r"""Stage B: how far a prediction is from a target, at every pixel.

A divergence takes a target distribution and log-probabilities and gives nats per pixel; it never averages,
because `Fit` owns the one normalisation everything shares (docs/theory.md, equation `loss`). Where rounding could make
a value negative, it is 0.
"""

from dataclasses import dataclass
from math import isclose, log

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.errors import RecipeInvalid


@dataclass(frozen=True)
class CrossEntropy:
    r"""Cross entropy, equation `cross-entropy`: :math:`D(p, q)_i = -\sum_k p_i^k \log q_i^k`.

    Equals KL(p || q) up to the entropy of p, which the network cannot change; equal to it where p is one-hot.
    Pathak, Krähenbühl and Darrell 2015, equation (5); Marin and Boykov 2021, equation (19).
    """

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel."""
        # A class of probability 0 under both must cost 0, not 0 * inf.
        return -torch.where(target > 0, target * log_probs, 0).sum(1)


@dataclass(frozen=True)
class RobustCrossEntropy:
    r"""Cross entropy for targets of which a share is wrong, with K the network's classes.

    Equation `robust-cross-entropy`.

    .. math:: D(p, q)_i = \sum_k p_i^k \Big[-\log \frac{a + b\, q_i^k}{a + b}\Big],\qquad
              a = \frac{\epsilon}{K - 1},\quad b = 1 - K a

    A target is replaced by each of the other classes with equal probability, together :math:`\epsilon`. What the
    network surely disagrees with then costs at most :math:`\log(1 + b / a)` and hardly pulls. Marin and Boykov
    2021, equations (20) to (22), less the constant :math:`-\log(a + b)`, so that it is 0 where they agree. Their
    (24) is `Fit`, whose seeds keep a divergence of their own.

    Computed in float32 at least. Only b / a matters (docs/theory.md): it is the slope of the loss where it is flat,
    while `Fit.weight` says how much the hidden pixels count.

    Raises:
        RecipeInvalid: the probability is below 0, or so high (from (K - 1) / K) that targets tell nothing.
    """

    flip: float
    """Probability that a target is another class than the true one, in [0, (K - 1) / K); 0 is cross entropy."""

    def __post_init__(self):
        _check_flip(self.flip, 1.0)

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel; the expectation over a soft target."""
        classes = target.shape[1]
        # Nearer to the limit b / a would be rounding, or 0.
        _check_flip(self.flip, (1 - 1e-12) * (classes - 1) / classes)
        target, log_probs = precise(target), precise(log_probs)
        # Below, in the last digits, b / a would be infinite.
        if self.flip < 1e-30:
            return CrossEntropy()(target, log_probs)
        # With c = log(b / a), log((a + b q) / a) is softplus(c + log q); the difference is exactly 0 at q = 1.
        c = log_probs.new_tensor(log((classes - 1) / self.flip - classes))
        return (target * (F.softplus(c) - F.softplus(c + log_probs))).sum(1).clamp(min=0)


@dataclass(frozen=True)
class ForwardCorrection:
    r"""Cross entropy for targets that confuse classes in a known way, equation `forward-correction`.

    .. math:: D(p, q)_i = \sum_k p_i^k \Big[-\log \frac{\sum_l T_{lk}\, q_i^l}{\max_l T_{lk}}\Big]

    :math:`T_{lk}` is the probability that class l appears as k in the target. Marin and Boykov 2021, equation (23),
    after Patrini et al. 2017, less a constant that makes the smallest value 0: where q is sure of the class that
    most often appears so. With one probability for all confusions it is `RobustCrossEntropy`.

    Raises:
        RecipeInvalid: T is not square, a row is no distribution, a column is 0, or there are more or fewer classes.
    """

    transition: tuple[tuple[float, ...], ...]
    """T, a row of probabilities for each true class, which sums to 1."""

    def __post_init__(self):
        for number, row in enumerate(self.transition):
            if len(row) != len(self.transition):
                raise RecipeInvalid(
                    f"row {number} of a transition matrix has {len(row)} entries", expected=f"{len(self.transition)}"
                )
            if not all(entry >= 0 for entry in row) or not isclose(sum(row), 1, abs_tol=1e-6):
                raise RecipeInvalid(
                    f"row {number} of a transition matrix is {row}", expected="probabilities that sum to 1"
                )
        for number, column in enumerate(zip(*self.transition, strict=True)):
            if not any(column):
                raise RecipeInvalid(
                    f"column {number} of a transition matrix is 0: no class ever appears as {number}",
                    fix="give at least one class a probability of appearing so",
                )

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel; the expectation over a soft target."""
        if target.shape[1] != len(self.transition):
            raise RecipeInvalid(
                f"a transition matrix of {len(self.transition)} classes for a network of {target.shape[1]}",
                fix="give one row and one column for each class of the network",
            )
        # The sum over classes that are all impossible has no gradient; a number as low as this has.
        log_probs = precise(log_probs).clamp(min=-1e30)
        log_transition = log_probs.new_tensor(self.transition).log()[:, :, None, None]
        # Class by class: all at once would hold C x C maps.
        losses = [appears.amax() - torch.logsumexp(log_probs + appears, 1) for appears in log_transition.unbind(1)]
        return CrossEntropy()(precise(target), -torch.stack(losses, 1)).clamp(min=0)


@dataclass(frozen=True)
class CollisionCrossEntropy:
    r"""Logarithm of the probability that target and prediction agree, equation `collision-cross-entropy`.

    .. math:: D(p, q)_i = -\log \sum_k p_i^k\, q_i^k

    Cross entropy where the target is sure. Where it is not, the network need not become as unsure, as it must under
    cross entropy: it is pulled to the likeliest class, and by a uniform target not at all. Zhang and Boykov 2025.
    """

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel."""
        return (-torch.logsumexp(precise(target).log() + precise(log_probs), 1)).clamp(min=0)


def precise(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Half precision in float32, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _check_flip(flip: float, limit: float) -> None:
    if not 0 <= flip < limit:
        raise RecipeInvalid(
            f"a flip probability of {flip!r}",
            expected=f"at least 0 and below {limit:.4g}; from (K - 1) / K, with K classes, targets tell nothing",
        )
