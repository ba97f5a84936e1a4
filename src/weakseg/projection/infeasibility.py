r"""Farkas certificates of infeasible hard rows, equation `infeasible`.

docs/theory.md derives them.

For any :math:`\mu \ge 0`, every segmentation has :math:`\mu^\top A P \le \sum_i v_i \max_k (A^\top\mu)_i^k`. Where
:math:`\mu^\top c` is larger, the rows with :math:`\mu > 0` cannot all hold.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack
from torch import Tensor

from weakseg.projection.dual_problem import DualProblem


def contradiction(problem: DualProblem, tolerance: float) -> Float[Tensor, " N"] | None:
    """Farkas multipliers of one image, or `None`.

    They sum to one, are 0 on priced rows, and prove that no segmentation satisfies the hard rows.

    Found by a linear programme with a variable for each hard row and each kind of cell. A vertex of its solutions has
    few multipliers above 0, so the proof names a small set of rows. It is checked before it is returned.

    Args:
        problem: of one image.
        tolerance: number of cells by which the proof must exceed the largest possible value.
    """
    problem = problem.to(torch.float64)
    hard = problem.prices[0].isinf().nonzero().flatten()
    if not len(hard):
        return None
    # Usually a handful of kinds: cells differ only in regions and forbidden classes, not in their scores.
    rows, allowed, count = _kinds_of_cells(problem, hard)
    kinds, classes = len(count), rows.shape[1]
    tilt = csr_array(rows.reshape(len(hard), -1).T)
    where = (np.arange(kinds * classes), np.tile(np.arange(kinds), classes))
    # The shape is explicit, because a fully labelled image has no cell to infer it from.
    highest = csr_array((np.ones(kinds * classes), where), shape=(kinds * classes, kinds))
    keep = allowed.reshape(-1)
    among = hstack([tilt, -highest]).tocsr()[keep.nonzero()[0]]
    total = csr_array(np.concatenate([np.ones(len(hard)), np.zeros(kinds)])[None])
    # The programme minimises what segmentations can reach at most, less what the rows promise; below 0 is a proof.
    # Variables are the multipliers, then the largest tilt of each kind of cell.
    value = np.concatenate([-problem.bounds[0, hard].cpu().numpy(), count])
    found = linprog(
        value,
        A_ub=among,
        b_ub=np.zeros(among.shape[0]),
        A_eq=total,
        b_eq=np.ones(1),
        bounds=[(0, None)] * len(hard) + [(None, None)] * kinds,
    )
    if found.x is None:
        return None
    multipliers = torch.zeros_like(problem.bounds)
    multipliers[0, hard] = torch.from_numpy(found.x[: len(hard)]).to(multipliers)
    # What the programme leaves at its own tolerance is not part of the proof. The proof is then tested as it stands, so
    # that nothing rests on the solver's accuracy.
    multipliers = torch.where(multipliers > 1e-7, multipliers, 0)
    excess = (multipliers * problem.bounds).sum(1) - problem.support(multipliers)
    return multipliers[0] if bool(excess > tolerance) else None


def _kinds_of_cells(problem: DualProblem, hard: Tensor):
    """Coefficients, allowed classes and mass of distinct cells.

    Cells that all rows treat alike are merged; axes are (row, class, kind), (class, kind) and (kind).
    """
    allowed = problem.scores[0] > -torch.inf
    mass = problem.mass[0]
    coefficients = torch.stack([problem.coefficients(label, hard)[0] for label in range(len(allowed))], 1)
    described = torch.cat([coefficients.flatten(0, 1), allowed.double()])[:, mass > 0].cpu().numpy()
    kinds, which = np.unique(described, axis=1, return_inverse=True)
    count = np.bincount(which.ravel(), mass[mass > 0].cpu().numpy(), minlength=kinds.shape[1])
    rows, classes = len(hard), len(allowed)
    return kinds[: rows * classes].reshape(rows, classes, -1), kinds[rows * classes :] > 0, count
