"""A Potts energy as plain arrays: which pixels are neighbours, what a labelling costs, and a bound without edges."""

import numpy as np

DIRECTIONS = {2: ((0, 1), (1, 0)), 4: ((0, 1), (1, 0), (1, 1), (1, -1))}
"""(row, column) steps to the later neighbours, by how many there are."""


def labelling_energy(unary, weight, valid, labels) -> float:
    """Equation 40, in float64."""
    total = np.take_along_axis(unary, labels[None], 0)[0].sum(where=valid, dtype=np.float64)
    for d, step in enumerate(DIRECTIONS[len(weight)]):
        near, far = ends(labels, step)
        total += ends(weight[d], step)[0].sum(where=near != far, dtype=np.float64)
    return float(total)


def cheapest(unary, valid, seeds) -> float:
    """The sum of the smallest unaries: a bound that counts no edge."""
    seeded = np.take_along_axis(unary, np.maximum(seeds, 0)[None], 0)[0]
    return float(np.where(seeds >= 0, seeded, unary.min(0)).sum(where=valid, dtype=np.float64))


def ends(values: np.ndarray, step: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Views of `values` (H, W) at both ends of every pair that is one step apart."""
    down, right = step
    rows, columns = values.shape
    near = values[: rows - down, max(0, -right) : columns - max(0, right)]
    return near, values[down:, max(0, right) : columns + min(0, right)]
