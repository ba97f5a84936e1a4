"""Messages are what the loops say when they are written out."""

import numpy as np
import pytest
from potts_problems import random_problem

from weakseg.cuts.flows.messages import in_pairs_of_rows, sweep, sweep_eight, sweep_two
from weakseg.cuts.run import begun


def sent(unary, messages, weight, share, offsets, order, forward):
    """A sweep written out: each pixel sends min(belief - received - smallest, weight)."""
    half = weight.shape[1]
    for p in order:
        if share[p] == 0:
            continue
        received = sum(messages[p, d] + messages[p - offsets[d], d] for d in range(half))
        belief = share[p] * (unary[p] + received)
        for d in range(half):
            q = p if forward else p - offsets[d]
            left = belief - messages[q, d]
            messages[q, d] = np.minimum(left - left.min(), weight[q, d])


@pytest.mark.parametrize("half", [2, 4])
@pytest.mark.parametrize("classes", [1, 2, 3, 9, 21])
def test_two_sweeps_there_and_back_send_what_is_written_out(half, classes):
    """For one vector of labels, for several, and for two labels, whose messages are single numbers."""
    costs, *rest = random_problem((7, 6), classes, half, 1, seeds=0.1, void=0.1)
    # Edges outweigh costs, so that pixels are not fixed beforehand.
    run = begun(0.1 * costs, *rest)
    unary, weight, share = run.problem.unary, run.problem.weight, run.problem.share
    offsets, n, room = run.trees.offsets, len(share), unary.shape[1]
    order = np.empty(n, np.int32)
    order = order[: in_pairs_of_rows(share, run.width, order)]
    steps = tuple(offsets[:half])
    ways = [((0,) * half, order), (steps, order[::-1].copy())]
    expected = np.zeros((n, half, room), np.float64)
    found = np.zeros((n, half) if classes == 2 else (n * half, room), np.float32)
    for _ in range(2):
        sent(unary, expected, weight, share, offsets, range(n), True)
        sent(unary, expected, weight, share, offsets, range(n - 1, -1, -1), False)
        for way in ways:
            if classes == 2:
                sweep_two(unary, found, weight, share, steps, way)
            elif classes <= 8:
                sweep_eight(unary, found, weight, share, steps, way)
            else:
                sweep(unary, found, weight, share, steps, way, np.empty((1, room), np.float32))
    wanted = expected[:, :, 0] - expected[:, :, 1] if classes == 2 else expected.reshape(n * half, room)
    assert np.abs(wanted).max() > 0 or classes == 1
    assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("size", [(7, 6), (6, 7), (1, 5), (2, 1)])
def test_every_pixel_with_edges_is_visited_once_and_after_its_earlier_neighbours(size):
    """Rows are taken two by two, the last of an odd number alone, and messages still those of row-major order."""
    costs, *rest = random_problem(size, 3, 4, 1, void=0.1)
    run = begun(0.1 * costs, *rest)
    share, offsets = run.problem.share, run.trees.offsets
    order = np.empty(len(share), np.int32)
    order = order[: in_pairs_of_rows(share, run.width, order)]
    assert sorted(order) == np.flatnonzero(share > 0).tolist()
    place = np.full(len(share), -1)
    place[order] = np.arange(len(order))
    for p in order:
        assert all(place[p - step] < place[p] < place[p + step] or place[p + step] == -1 for step in offsets[:4])
    assert (np.diff(order) < 0).any() == (min(size) > 1)
