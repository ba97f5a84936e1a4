"""Normalised cut: classes should cut few similar pairs."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from weakseg.energies.kernel_cut import Kernel, cuts
from weakseg.energies.local_kernel import LocalKernel
from weakseg.types import Evidence


@dataclass(frozen=True)
class NormalizedCut:
    r"""Fraction of each class's similarity that is cut, equation `normalized-cut`.

    .. math:: E(P) = \sum_k \frac{S_k^\top W (1 - S_k)}{d^\top S_k}, \qquad d = W 1

    :math:`S_k` are the probabilities of class k at all pixels. Small classes weigh as much as large ones, so it
    does not shrink them away as a boundary's length does. Tang et al. 2018, "Normalized Cut Loss".
    """

    kernel: Kernel = LocalKernel()
    """The kernel that says which pixels belong together."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The energy, in [0, number of classes].

        It is on the grid of `probs`; a class that is predicted nowhere counts 0.
        """
        cut, volume = cuts(probs, evidence, self.kernel)
        # Below a millionth of the image a class counts as absent; this bounds the gradient too.
        # Detached, so that no gradient pushes the total volume about.
        floor = 1e-6 * volume.detach().sum(1, keepdim=True)
        return (cut / volume.maximum(floor).clamp(min=1e-30)).sum(1)
