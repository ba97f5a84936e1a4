"""All pixels of a dense CRF stepped at once, as CRF implementations do, in numba on CPUs."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import EvidenceInvalid
from weakseg.kernels.mean_field import messages, parallel_steps
from weakseg.kernels.permutohedral import Lattice


def refined(
    probs: Float[np.ndarray, "C H W"], image: Float[np.ndarray, "M H W"], crf: DenseCRF, steps: int = 10
) -> Float[np.ndarray, "C H W"]:
    """Probabilities after mean-field steps of a CRF, equation 57: what `weakseg predict --crf` writes.

    Raises:
        EvidenceInvalid: the probabilities or the picture have nan, or bandwidths are too small for it.
    """
    if not np.isfinite(probs).all():
        raise EvidenceInvalid("Probabilities that are nan or infinite.", mend="Look for what gave them.")
    scores = np.log(np.maximum(probs.reshape(len(probs), -1), 1e-8)).T
    everywhere = torch.ones(image.shape[1:], dtype=torch.bool)
    found = stepped(scores, torch.from_numpy(image), everywhere, crf, 1.0, steps)
    return found.T.reshape(probs.shape)


def stepped(
    scores: Float[np.ndarray, "N C"],
    image: Float[Tensor, "M H W"],
    valid: Bool[Tensor, "H W"],
    crf: DenseCRF,
    weight: float,
    steps: int,
) -> Float[np.ndarray, "N C"]:
    """Probabilities of the N valid pixels after that many steps, from their scores."""
    cells = valid.flatten().nonzero()[:, 0]
    pairs = [(matrix.lattice, weight * strength) for matrix, strength in crf.kernels(image[None], cells)]
    lattices = [lattice for lattice, _ in pairs if isinstance(lattice, Lattice)]
    threads = torch.get_num_threads()
    matrix = messages(lattices, [strength for _, strength in pairs], threads)
    return parallel_steps(scores, matrix, steps, threads)
