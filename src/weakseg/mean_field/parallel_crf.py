"""Parallel mean-field steps of a dense CRF.

All pixels step at once, as in other CRF implementations; compiled on CPUs.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import EvidenceInvalid
from weakseg.lattice.crf_cells import CrfCells
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.lattice.permutohedral import Lattice
from weakseg.lattice.torch_lattice import TensorLattice
from weakseg.mean_field.parallel_steps import messages, parallel_steps

FAINT = 1e-4
"""Largest probability in an image below which a class takes no part in the refinement."""


def refined(
    probs: Float[np.ndarray, "C H W"], image: Float[np.ndarray, "M H W"], crf: DenseCRF, steps: int = 10
) -> Float[np.ndarray, "C H W"]:
    """Probabilities refined by a dense CRF, equation `parallel-step`.

    It is what `weakseg predict --crf` writes.

    Classes that are nowhere likelier than `FAINT` take no part and keep their probabilities: they have no support from
    neighbours and cannot win a pixel, and with many classes most are such in an image.

    Raises:
        EvidenceInvalid: the probabilities or the image have nan, they differ in size, or bandwidths are too small.
    """
    if probs.shape[1:] != image.shape[1:]:
        expected = "probabilities at each of the image's pixels"
        raise EvidenceInvalid(f"Probabilities of {probs.shape}, an image of {image.shape}.", expected=expected)
    if not np.isfinite(probs).all():
        raise EvidenceInvalid(
            "The probabilities are nan or infinite.",
            expected="finite numbers",
            fix="Check the network that gave them.",
        )
    alive = probs.reshape(len(probs), -1).max(1) > FAINT
    # A probability of exactly 0 would be -inf, and no message of the neighbours could bring the class back.
    scores = np.log(np.maximum(probs[alive].reshape(alive.sum(), -1), 1e-8)).T
    seen, side = torch.from_numpy(np.ascontiguousarray(image))[None], torch.tensor([image[0].size ** 0.5])
    kernels = crf.kernels(seen, torch.arange(image[0].size), side)
    found = stepped(scores, kernels, 1.0, steps).T.reshape(-1, *probs.shape[1:])
    if alive.all():
        return found
    whole = probs.copy()
    # The classes that took part share what the others have left, so that each pixel still sums to one.
    whole[alive] = found * (1 - probs[~alive].sum(0))
    return whole


def stepped(
    scores: Float[np.ndarray, "N C"], kernels: Sequence[tuple[GaussianFilter, float]], weight: float, steps: int
) -> Float[np.ndarray, "N C"]:
    """Probabilities of N pixels after some steps, compiled."""
    lattices = [matrix.lattice for matrix, _ in kernels if isinstance(matrix.lattice, Lattice)]
    assert len(lattices) == len(kernels), "other devices have steps of their own"
    threads = torch.get_num_threads()
    matrix = messages(lattices, [weight * strength for _, strength in kernels], threads)
    return parallel_steps(scores, matrix, steps, threads)


def steps_of_tensors(
    scores: Float[Tensor, "B C H W"], crf: CrfCells, weight: float, steps: int
) -> Float[Tensor, "B C H W"]:
    """Probabilities after some steps, in torch, equation `parallel-step`.

    All images together, in float32.

    The operator is that of `parallel_steps`: blurs in a single order.
    """
    probs = scores.softmax(1)
    cells = crf.cells
    if not len(cells):
        return probs
    here = scores.movedim(1, 3).flatten(0, 2)[cells].float()
    told = [_normalised(matrix.lattice, weight * strength, here) for matrix, strength in crf.kernels]
    found = here.softmax(1)
    for _ in range(steps):
        messages = [root * lattice.filter_in_one_order(root * found) for lattice, root in told]
        found = sum(messages, start=here).softmax(1)
    rows = probs.movedim(1, 3).flatten(0, 2).index_copy(0, cells, found.to(probs))
    return rows.unflatten(0, crf.share.shape).movedim(3, 1)


def _normalised(lattice, strength, like) -> tuple[TensorLattice, Float[Tensor, "N 1"]]:
    """A lattice with its normaliser.

    The normaliser, the root of strength over degree, multiplies before and after.
    """
    assert isinstance(lattice, TensorLattice), "one image on a CPU goes through numba"
    # The degree of a pixel includes the pixel itself, so it is never 0.
    degrees = lattice.filter_in_one_order(torch.ones_like(like[:, :1]))
    return lattice, (strength / degrees).sqrt()
