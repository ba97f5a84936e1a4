"""A dense CRF on the cells of some images.

Its matrices are built once, for any number of distributions.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weakseg.lattice.gaussian_filter import GaussianFilter


@dataclass(frozen=True, eq=False)
class CrfCells:
    """The energy of equation `dense-crf`, as a function of distributions."""

    share: Float[Tensor, "B h w"]
    """Valid fraction of each cell."""
    cells: Int[Tensor, " N"]
    """Indices of the cells with anything valid, row by row through all images."""
    kernels: tuple[tuple[GaussianFilter, float], ...]
    """The matrices K among these cells, each with its strength."""
    roots: tuple[Float[Tensor, "N 1"], ...]
    r"""Normaliser :math:`D^{-1/2}` of each kernel, times the cells' valid fractions."""

    @staticmethod
    def of(
        share: Float[Tensor, "B h w"], cells: Int[Tensor, " N"], kernels: list[tuple[GaussianFilter, float]]
    ) -> "CrfCells":
        """The CRF with the degrees of its kernels."""
        # Half a cell counts half, in the degree as in the sums.
        mass = share.flatten()[cells, None]
        return CrfCells(share, cells, tuple(kernels), tuple(mass / matrix(mass).sqrt() for matrix, _ in kernels))

    def __call__(self, probs: Float[Tensor, "B C h w"]) -> Float[Tensor, " B"]:
        """The energy of each image.

        Its gradient is exact, and a constant to autograd.
        """
        if not len(self.cells):
            return probs.sum((1, 2, 3)) * 0
        probs = probs.movedim(1, 3).flatten(0, 2)
        here, total = probs.index_select(0, self.cells), torch.zeros_like(probs[:, 0])
        for (matrix, strength), root in zip(self.kernels, self.roots, strict=True):
            # One filtering gives both terms: `alike` is the kernel on the class, `around` the kernel on the mass of all
            # classes.
            own = root * here
            with torch.no_grad():
                alike, around = matrix(torch.cat([own, root.to(own)], 1)).split([own.shape[1], 1], 1)
            # The value is own (around - alike); its slope is that of the first term, because the matrix is symmetric,
            # so backward filters nothing.
            paid = (own * (around - 2 * alike)).sum(1) + (own.detach() * alike).sum(1)
            total = total.index_add(0, self.cells, paid, alpha=strength / 2)
        counted = self.share.sum((1, 2)).clamp(min=torch.finfo(self.share.dtype).tiny)
        # Where all agree, rounding may leave a little less than 0.
        return total.reshape(len(self.share), -1).sum(1).clamp(min=0) / counted
