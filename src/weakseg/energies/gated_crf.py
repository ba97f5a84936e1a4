"""Gated CRF: similar neighbours in a window should agree."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from weakseg.energies.kernel_cut import Kernel, cuts
from weakseg.energies.local_kernel import LocalKernel
from weakseg.grids.pooling import share_per_cell
from weakseg.types import Evidence


@dataclass(frozen=True)
class GatedCRF:
    r"""Disagreement of similar pixels in a window, equation `gated-crf`.

    It is the probability that a pixel and one of its window that looks like it differ.

    .. math:: E(P) = \frac1n \sum_{ij} W_{ij} (1 - p_i \cdot p_j)

    n counts the valid pixels. 0 for one class everywhere; two unsure pixels pay although they agree, so it also
    makes predictions sure. Obukhov et al. 2019 do not divide by the window's sum: their weight of .1 is
    one of 9 here (docs/theory.md). Several kernels are several terms of a `Sum`.
    """

    kernel: Kernel = LocalKernel()
    """The kernel that says which pixels belong together."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The energy, in [0, 1], on the grid of `probs`.

        It is 0 where nothing is valid.
        """
        # Summed over classes, S'W(1 - S) is the sum over pairs of W times 1 - p_i p_j.
        cut, _ = cuts(probs, evidence, self.kernel)
        valid = share_per_cell(evidence.weak.valid, probs.shape[2:]).sum((1, 2))
        return cut.sum(1) / valid.clamp(min=1e-6).to(cut)
