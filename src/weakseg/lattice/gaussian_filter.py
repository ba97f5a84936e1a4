"""Gaussian filtering as a matrix that is never stored."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weakseg.lattice.permutohedral import Lattice, build
from weakseg.lattice.torch_lattice import TensorLattice, tensor_lattice


@dataclass(frozen=True, eq=False)
class GaussianFilter:
    r"""Gaussian kernel matrix of N points, equation `gaussian-sum`.

    :math:`K_{ij} = \exp(-\lVert f_i - f_j \rVert^2 / 2)`.

    Built once, used many times. Symmetric, so that its gradient is itself. Numba for an image on a CPU, plain torch
    elsewhere and for several images at once.
    """

    lattice: Lattice | TensorLattice

    @staticmethod
    def of(features: Float[Tensor, "d N"], image: Int[Tensor, " N"] | None = None, images: int = 1) -> "GaussianFilter":
        """Kernel matrix of points with 1 to 8 features.

        Features are in units of the bandwidth.

        `image` is the number of each point's image, below `images`; entries between different ones are 0.

        Raises:
            EvidenceInvalid: features are not finite, or so far apart that the lattice cannot be numbered.
        """
        if features.is_cpu and images == 1:
            return GaussianFilter(build(features.detach().numpy()))
        return GaussianFilter(tensor_lattice(features.detach().float(), image, images))

    def __call__(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        r"""The product :math:`K v`, which includes each point's own value."""
        return _Filtering.apply(values, self.lattice)

    def degrees(self, like: Float[Tensor, "N _"]) -> Float[Tensor, "N 1"]:
        r"""Row sums :math:`D = K 1`."""
        return self(torch.ones_like(like[:, :1]))

    def mean(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        r"""Weighted means :math:`D^{-1} K v`, equation `weighted-mean`.

        Constants stay what they are.
        """
        return self(values) / self.degrees(values)

    def symmetric(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        r"""Symmetric normalisation :math:`D^{-1/2} K D^{-1/2} v`, equation `symmetric`.

        :math:`D^{1/2} 1` is its fixed point.
        """
        root = self.degrees(values).sqrt()
        return self(values / root) / root


class _Filtering(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, lattice: Lattice | TensorLattice) -> Tensor:
        ctx.lattice = lattice
        if isinstance(lattice, TensorLattice):
            return lattice.filter(values)
        return torch.from_numpy(lattice.filter(values.detach().float().numpy())).to(values.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Filtering.apply(gradient, ctx.lattice), None
