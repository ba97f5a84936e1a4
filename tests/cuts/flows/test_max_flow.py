"""Maximum flows on grids equal scipy's."""

import numpy as np
import pytest
from potts_problems import STEPS, cut

from weakseg.cuts.flows.max_flow import DEFICITS, EXCESS, FREE, OPEN, SIDE, Potts, forest, grow, open_pixel, start


def residual_graph(half, draw):
    """Excess and deficits on a small padded grid, and capacities both ways; whole numbers, many of them 0."""
    rows, columns = draw.integers(1, 6, 2)
    width, inside = columns + 2, np.zeros((rows + 2, columns + 2), bool)
    inside[1:-1, 1:-1] = True
    inside, n = inside.ravel(), inside.size
    steps = np.array([i * width + j for i, j in STEPS[:half]])
    labels, weight = np.zeros(n, np.int32), np.zeros((n, half), np.int32)
    for p, d in np.ndindex(n, half):
        if inside[p] and inside[p + steps[d]]:
            weight[p, d] = 2 * draw.integers(0, 6)
    # With all labels 0 and label 1 expanded, the capacities are weight - dual there and weight + dual back.
    dual = np.zeros((n, half, 2), np.int32)
    dual[:, :, 1] = np.rint(weight * draw.uniform(-1, 1, weight.shape))
    heights = np.zeros((2, n), np.int32)
    heights[1] = np.where(inside, draw.integers(-20, 21, n) * (draw.random(n) < 0.7), 0)
    potts = Potts(labels, weight, dual, heights, np.zeros(n, np.int32))
    return potts, forest(n, np.concatenate([steps, -steps]))


@pytest.mark.parametrize("side", [EXCESS, DEFICITS])
@pytest.mark.parametrize("half", [2, 4])
def test_flow_and_cut_equal_those_of_scipy_on_random_grids(half, side):
    """500 grids with either neighbourhood: the same flow, and the same pixels left on the side of the roots."""
    draw = np.random.default_rng(half)
    for _ in range(500):
        potts, trees = residual_graph(half, draw)
        excess = -potts.heights[1]
        arcs = []
        for p, d in zip(*np.nonzero(potts.weight), strict=True):
            q, w, y = p + trees.offsets[d], potts.weight[p, d], potts.dual[p, d, 1]
            arcs += [(p, q, w - y), (q, p, w + y)]
        if side == DEFICITS:
            excess, arcs = -excess, [(q, p, capacity) for p, q, capacity in arcs]
        flow, reached = cut(excess, arcs)
        trees.count[SIDE] = side
        for p in np.flatnonzero(excess > 0):
            open_pixel(p, 1, potts, trees)
            start(p, trees)
        grow(1, potts, trees)
        left = trees.excess[trees.touched[: trees.count[OPEN]]]
        assert excess[excess > 0].sum() - left[left > 0].sum() == flow
        assert ((trees.parent != FREE) == reached).all()


def test_a_pixel_opens_with_what_its_edges_can_carry():
    """Weight minus dual variable along an edge, weight plus dual variable against it; never less than 0."""
    potts, trees = residual_graph(4, np.random.default_rng(0))
    for p in np.flatnonzero(potts.weight.any(1)):
        open_pixel(p, 1, potts, trees)
        assert (trees.residual[p] >= 0).all()
        assert (trees.residual[p, :4] == potts.weight[p] - np.where(potts.weight[p] > 0, potts.dual[p, :, 1], 0)).all()
