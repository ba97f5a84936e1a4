"""Normalised cut: classes should cut little of what holds them together."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from weakseg.energies.kernel_cut import Kernel, cuts
from weakseg.energies.local_kernel import LocalKernel
from weakseg.types import Evidence


@dataclass(frozen=True)
class NormalizedCut:
    r"""Share of each class's likeness that goes to other classes, equation 62.

    .. math:: E(P) = \sum_k \frac{S_k^\top W (1 - S_k)}{d^\top S_k}, \qquad d = W 1

    :math:`S_k` are the probabilities of class k at all pixels. Small classes weigh as much as large ones, so it
    does not shrink them away as a boundary's length does. Tang et al. 2018, "Normalized Cut Loss".
    """

    kernel: Kernel = LocalKernel()
    """Which pixels belong together."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """In [0, number of classes], on the grid of `probs`; a class nobody predicts counts 0."""
        cut, volume = cuts(probs, evidence, self.kernel)
        # A class is nobody's below a millionth of the image; bounds the gradient too.
        floor = 1e-6 * volume.detach().sum(1, keepdim=True)
        return (cut / volume.maximum(floor).clamp(min=1e-30)).sum(1)
