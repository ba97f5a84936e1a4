"""A Potts energy as plain arrays: what a labelling costs, and a bound without edges."""

import numpy as np

from weakseg.grids.neighbours import STEPS, ends


def labelling_energy(unary, weight, valid, labels) -> float:
    """Equation 40, in float64."""
    total = np.take_along_axis(unary, labels[None], 0)[0].sum(where=valid, dtype=np.float64)
    for d, step in enumerate(STEPS[: len(weight)]):
        near, far = ends(labels, step)
        total += ends(weight[d], step)[0].sum(where=near != far, dtype=np.float64)
    return float(total)


def cheapest(unary, valid, seeds) -> float:
    """The sum of the smallest unaries: a bound that counts no edge."""
    seeded = np.take_along_axis(unary, np.maximum(seeds, 0)[None], 0)[0]
    return float(np.where(seeds >= 0, seeded, unary.min(0)).sum(where=valid, dtype=np.float64))
