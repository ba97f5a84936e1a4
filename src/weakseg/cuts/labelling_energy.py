"""Energy of a labelling, and a bound without edges."""

import numpy as np

from weakseg.grids.neighbours import STEPS, ends


def labelling_energy(unary, weight, valid, labels) -> float:
    """Potts energy of a labelling in float64, equation `labelling`."""
    total = np.take_along_axis(unary, labels[None], 0)[0].sum(where=valid, dtype=np.float64)
    for d, step in enumerate(STEPS[: len(weight)]):
        near, far = ends(labels, step)
        total += ends(weight[d], step)[0].sum(where=near != far, dtype=np.float64)
    return float(total)


def cheapest(unary, valid, seeds) -> float:
    """Sum of the smallest unaries, a lower bound."""
    seeded = np.take_along_axis(unary, np.maximum(seeds, 0)[None], 0)[0]
    return float(np.where(seeds >= 0, seeded, unary.min(0)).sum(where=valid, dtype=np.float64))
