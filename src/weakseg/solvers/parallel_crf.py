"""All pixels of a dense CRF stepped at once, as CRF implementations do, in numba on CPUs."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import EvidenceInvalid
from weakseg.kernels.mean_field import messages, parallel_steps
from weakseg.kernels.permutohedral import Lattice

FAINT = 1e-4
"""Probability that a class must have somewhere in a picture to take part in its refinement."""


def refined(
    probs: Float[np.ndarray, "C H W"], image: Float[np.ndarray, "M H W"], crf: DenseCRF, steps: int = 10
) -> Float[np.ndarray, "C H W"]:
    """Probabilities after mean-field steps of a CRF, equation 57: what `weakseg predict --crf` writes.

    Classes that are nowhere likelier than `FAINT` take no part and keep their probabilities: hardly anybody speaks for
    them, so they can win nothing, and most of many classes are such in a picture.

    Raises:
        EvidenceInvalid: the probabilities or the picture have nan, they differ in size, or bandwidths are too small.
    """
    if probs.shape[1:] != image.shape[1:]:
        expected = "probabilities at each of the picture's pixels"
        raise EvidenceInvalid(f"Probabilities of {probs.shape}, a picture of {image.shape}.", expected=expected)
    if not np.isfinite(probs).all():
        raise EvidenceInvalid("Probabilities that are nan or infinite.", mend="Look for what gave them.")
    alive = probs.reshape(len(probs), -1).max(1) > FAINT
    scores = np.log(np.maximum(probs[alive].reshape(alive.sum(), -1), 1e-8)).T
    everywhere = torch.ones(image.shape[1:], dtype=torch.bool)
    seen, side = torch.from_numpy(np.ascontiguousarray(image)), everywhere.numel() ** 0.5
    found = stepped(scores, seen, everywhere, side, crf, 1.0, steps).T.reshape(-1, *probs.shape[1:])
    if alive.all():
        return found
    whole = probs.copy()
    whole[alive] = found * (1 - probs[~alive].sum(0))
    return whole


def stepped(
    scores: Float[np.ndarray, "N C"],
    image: Float[Tensor, "M H W"],
    valid: Bool[Tensor, "H W"],
    side: float,
    crf: DenseCRF,
    weight: float,
    steps: int,
) -> Float[np.ndarray, "N C"]:
    """Probabilities of the N valid pixels after that many steps, from their scores; `side` is of the whole picture."""
    cells = valid.flatten().nonzero()[:, 0]
    kernels, threads = crf.kernels(image[None], cells, torch.tensor([side])), torch.get_num_threads()
    lattices = [matrix.lattice for matrix, _ in kernels]
    assert all(isinstance(lattice, Lattice) for lattice in lattices), "other devices have steps of their own"
    matrix = messages(lattices, [weight * strength for _, strength in kernels], threads)
    return parallel_steps(scores, matrix, steps, threads)
