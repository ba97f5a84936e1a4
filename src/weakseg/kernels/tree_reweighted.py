"""Messages on a grid that raise a lower bound of a Potts energy: sequential tree-reweighted message passing.

Kolmogorov 2006. A sweep visits pixels in row-major order, or against it; each sends every later neighbour what
a label there would cost it at least. Both the labels found on the way and the bound are good to start cuts from.
"""

import numpy as np
from weakseg.kernels.compiled import compiled_fast


@compiled_fast
def sweep_forward(unary, messages, weight, share, offsets, belief):
    """Send messages to later pixels; `share` is one over the number of edges on a pixel's fuller side, or 0."""
    pixels, half = weight.shape
    labels = unary.shape[1]
    for p in range(pixels):
        if share[p] == 0:
            continue
        gather(p, unary, messages, offsets, belief)
        for k in range(labels):
            belief[k] *= share[p]
        for d in range(half):
            send(belief, messages[p, d], weight[p, d])


@compiled_fast
def sweep_backward(unary, messages, weight, share, offsets, belief):
    """Send messages to earlier pixels."""
    pixels, half = weight.shape
    labels = unary.shape[1]
    for p in range(pixels - 1, -1, -1):
        if share[p] == 0:
            continue
        gather(p, unary, messages, offsets, belief)
        for k in range(labels):
            belief[k] *= share[p]
        for d in range(half):
            q = p - offsets[d]
            send(belief, messages[q, d], weight[q, d])


@compiled_fast
def gather(p, unary, messages, offsets, belief):
    """Unary costs plus all messages to p; those of edges that are not there are 0."""
    own = unary[p]
    if messages.shape[1] == 4:
        a, b, c, d = messages[p, 0], messages[p, 1], messages[p, 2], messages[p, 3]
        e, f = messages[p - offsets[0], 0], messages[p - offsets[1], 1]
        g, h = messages[p - offsets[2], 2], messages[p - offsets[3], 3]
        for k in range(len(belief)):
            belief[k] = own[k] + ((a[k] + b[k]) + (c[k] + d[k])) + ((e[k] + f[k]) + (g[k] + h[k]))
    else:
        a, b, e, f = messages[p, 0], messages[p, 1], messages[p - offsets[0], 0], messages[p - offsets[1], 1]
        for k in range(len(belief)):
            belief[k] = own[k] + ((a[k] + b[k]) + (e[k] + f[k]))


@compiled_fast
def send(belief, message, weight):
    """Replace the message that came along an edge by the one that goes back along it."""
    lowest = np.float32(np.inf)
    for k in range(len(belief)):
        lowest = min(lowest, belief[k] - message[k])
    for k in range(len(belief)):
        message[k] = min(belief[k] - message[k] - lowest, weight)


@compiled_fast
def settle(unary, messages, weight, share, offsets, width, labels):
    """The last sweep, backward: messages become dual variables (equation 43), and each pixel gets a label.

    An edge's dual variable is half of what its two messages differ by, so both sweeps count alike; labels are chosen
    one after the other, given those chosen before and the messages of the others.
    """
    pixels, half = weight.shape
    classes = unary.shape[1]
    # Messages to earlier pixels are overwritten before those pixels are visited: their sums are kept for two rows.
    sums = np.zeros((2 * width + 2, classes), np.float32)
    cost, belief = np.empty(classes, np.float32), np.empty(classes, np.float32)
    ring = len(sums)
    for p in range(pixels - 1, -1, -1):
        here = sums[p % ring]
        if share[p] > 0:
            for k in range(classes):
                cost[k] = unary[p, k]
            for d in range(half):
                message = messages[p - offsets[d], d]
                cost[labels[p + offsets[d]]] -= weight[p, d]
                for k in range(classes):
                    cost[k] += message[k]
                    here[k] += message[k]
            best = 0
            for k in range(classes):
                belief[k] = (unary[p, k] + here[k]) * share[p]
                if cost[k] < cost[best]:
                    best = k
            labels[p] = best
            for d in range(half):
                q = p - offsets[d]
                if weight[q, d] > 0:
                    turn(belief, messages[q, d], weight[q, d], sums[q % ring])
        for k in range(classes):
            here[k] = 0


@compiled_fast
def turn(belief, message, weight, received):
    """Send a last message back along an edge, and leave the edge's dual variable in its place."""
    lowest = np.float32(np.inf)
    for k in range(len(belief)):
        lowest = min(lowest, belief[k] - message[k])
    for k in range(len(belief)):
        back = min(belief[k] - message[k] - lowest, weight)
        received[k] += back
        message[k] = np.float32(0.5) * (back - message[k])
