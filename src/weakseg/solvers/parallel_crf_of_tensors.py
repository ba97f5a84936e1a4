"""All pixels of a dense CRF stepped at once, in plain torch, for devices that numba does not reach."""

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.energies.crf_cells import CrfCells
from weakseg.energies.lattice_of_tensors import TensorLattice


def steps_of_tensors(
    scores: Float[Tensor, "B C H W"], crf: CrfCells, weight: float, steps: int
) -> Float[Tensor, "B C H W"]:
    """Probabilities after that many steps, equation 57, in float32, of all images together.

    The operator is that of `kernels.mean_field`: blurs in a single order.
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
    """A lattice, and what to multiply by before and after: the root of strength over degree."""
    assert isinstance(lattice, TensorLattice), "one picture on a CPU goes through numba"
    degrees = lattice.filter_in_one_order(torch.ones_like(like[:, :1]))
    return lattice, (strength / degrees).sqrt()
