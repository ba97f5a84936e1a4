r"""Differentiable relaxations of the Potts cost of two neighbours.

The neighbours have distributions a and b.

Each is 0 for equal one-hot distributions, 1 for different ones, and at least 0 in between, so on hard labellings all of
them are the Potts model. They differ in the cost of unsure pixels.
"""

from dataclasses import dataclass
from math import log
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.errors import RecipeInvalid


@runtime_checkable
class Relaxation(Protocol):
    """Interface of a symmetric cost of two distributions."""

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, at least 0 and differentiable in both."""
        ...


@dataclass(frozen=True)
class Bilinear:
    r"""Probability that independent draws differ, equation `bilinear`.

    :math:`\sum_k a^k (1 - b^k)`.

    Tight: some hard labelling is among its minimisers. Not convex, and two unsure neighbours pay although they
    agree, so it also makes predictions sure. Marin and Boykov 2021, equations (3) and (7).
    """

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        # Equal to the same sum with a and b exchanged, since both sum to one.
        return (a * (1 - b)).sum(1)


@dataclass(frozen=True)
class Quadratic:
    r"""Half the squared difference, equation `quadratic`.

    :math:`\tfrac12 \lVert a - b \rVert^2`.

    Convex (the random walker), not tight: many small steps cost less than one boundary. Marin and Boykov 2021,
    equation (2).
    """

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        return (a - b).square().sum(1) / 2


@dataclass(frozen=True)
class TotalVariation:
    r"""Half the absolute difference, equation `total-variation`.

    :math:`\tfrac12 \sum_k |a^k - b^k|`.

    Convex, and the tightest that is for two classes; its gradient does not fade as neighbours come to agree.
    """

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        return (a - b).abs().sum(1) / 2


@dataclass(frozen=True)
class Normalized:
    r"""One minus the cosine, equation `normalized`.

    :math:`1 - a \cdot b / \lVert a \rVert \lVert b \rVert`.

    Bilinear without the price of being unsure: neighbours that agree pay nothing. Zhang and Boykov 2025.
    """

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        # Half the squared difference of unit vectors is 1 - cos, and rounding cannot make it negative.
        return Quadratic()(_unit(a), _unit(b))


@dataclass(frozen=True)
class Collision:
    r"""Log-probability that draws agree, with a floor, equation `collision`.

    With :math:`s = a \cdot b`:

    .. math:: \log(m + (1 - m) s) / \log m

    As the floor m goes to 0, times :math:`-\log m`, this is the collision cross entropy :math:`-\log s` of Zhang
    and Boykov 2025, which is infinite for a sure boundary; the floor makes a sure boundary cost 1.
    """

    floor: float = 0.01
    """Floor m, in (0, 1): agreement below it counts as none."""

    def __post_init__(self):
        _check(self.floor)

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        return _logarithmic(Bilinear()(a, b), self.floor)


@dataclass(frozen=True)
class CollisionDivergence:
    r"""`Collision` of the cosine, equation `collision`.

    With :math:`s = a \cdot b / \lVert a \rVert \lVert b \rVert`.

    Neighbours that agree pay nothing, however unsure. Zhang and Boykov 2025, who found it the best of these.
    """

    floor: float = 0.01
    """Floor m, in (0, 1): agreement below it counts as none."""

    def __post_init__(self):
        _check(self.floor)

    def __call__(self, a: Float[Tensor, "B C h w"], b: Float[Tensor, "B C h w"]) -> Float[Tensor, "B h w"]:
        """The cost, in [0, 1]."""
        return _logarithmic(Normalized()(a, b), self.floor)


def _unit(p: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    # A distribution over C classes is at least 1/sqrt(C) long; the bound is for what is not one.
    # Several times as quick as torch's norm, which matters to solvers that ask it hundreds of times.
    return p * p.square().sum(1, keepdim=True).clamp(min=1e-24).rsqrt()


def _logarithmic(differ: Float[Tensor, "B h w"], floor: float) -> Float[Tensor, "B h w"]:
    """Logarithmic cost: 0 for equal, 1 for disjoint distributions."""
    # m + (1 - m)(1 - d) = 1 - (1 - m) d, and log1p is exact for small d.
    return torch.log1p(-(1 - floor) * differ) / log(floor)


def _check(floor: float) -> None:
    if not 0 < floor < 1:
        raise RecipeInvalid(f"a floor of {floor!r}", expected="a number between 0 and 1, both excluded")
