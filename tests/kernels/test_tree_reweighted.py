"""Messages are what the loops say when they are written out."""

import numpy as np
import pytest
from potts_problems import random_problem

from weakseg.kernels.potts_run import begun
from weakseg.kernels.tree_reweighted import sweep_backward, sweep_forward, two_backward, two_forward


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
    problem = random_problem((6, 7), classes, half, 1, seeds=0.1, void=0.1)
    run = begun(*problem)
    unary, weight, share = run.problem.unary, run.problem.weight, run.problem.share
    offsets, n, room = run.trees.offsets, len(share), unary.shape[1]
    expected, found = np.zeros((n, half, room), np.float64), np.zeros((n, half, room), np.float32)
    for _ in range(2):
        sent(unary, expected, weight, share, offsets, range(n), True)
        sent(unary, expected, weight, share, offsets, range(n - 1, -1, -1), False)
        if classes == 2:
            two_forward(unary, found, weight, share, offsets)
            two_backward(unary, found, weight, share, offsets)
        else:
            given = unary, found.reshape(-1, room), weight, share, offsets, np.empty((1, room), np.float32)
            sweep_forward(*given)
            sweep_backward(*given)
    if classes == 2:
        assert np.allclose(found[:, :, 0], expected[:, :, 0] - expected[:, :, 1], atol=1e-4)
    else:
        assert np.allclose(found, expected, atol=1e-4)
