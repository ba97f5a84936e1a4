"""Messages on a grid that raise a lower bound of a Potts energy: sequential tree-reweighted message passing.

Kolmogorov 2006. A sweep visits pixels in row-major order, or against it; each sends every later neighbour what
a label there would cost it at least. Both the labels found on the way and the bound are good to start cuts from.
"""

import numpy as np

from weakseg.kernels.compiled import compiled_fast, inlined
from weakseg.kernels.lanes import LANES, add, load, lowest, multiply, smaller, spread, store, subtract


@compiled_fast
def sweep_forward(unary, messages, weight, share, offsets, belief):
    """Send messages to later pixels, 8, 16, ... labels.

    messages (n D, Kp): a row an edge; share: one over the number of edges on a pixel's fuller side, or 0; belief
    (1, Kp): room.
    """
    pixels, half = weight.shape
    for p in range(pixels):
        if share[p] == 0:
            continue
        gather(p, unary, messages, share[p], offsets, belief)
        for d in range(half):
            send(belief, messages, p * half + d, weight[p, d])


@compiled_fast
def sweep_backward(unary, messages, weight, share, offsets, belief):
    """Send messages to earlier pixels."""
    pixels, half = weight.shape
    for p in range(pixels - 1, -1, -1):
        if share[p] == 0:
            continue
        gather(p, unary, messages, share[p], offsets, belief)
        for d in range(half):
            q = p - offsets[d]
            send(belief, messages, q * half + d, weight[q, d])


@inlined
def gather(p, unary, messages, share, offsets, belief):
    """A share of the unary costs plus all messages to p; those of edges that are not there are 0."""
    half = len(offsets) // 2
    part = spread(share)
    for k in range(0, belief.shape[1], LANES):
        all_of_it = load(unary, p, k)
        for d in range(half):
            pair = add(load(messages, p * half + d, k), load(messages, (p - offsets[d]) * half + d, k))
            all_of_it = add(all_of_it, pair)
        store(belief, 0, k, multiply(part, all_of_it))


@inlined
def send(belief, messages, edge, weight):
    """Replace the message that came along an edge by the one that goes back along it."""
    least, most = spread(np.float32(3e38)), spread(weight)
    for k in range(0, belief.shape[1], LANES):
        least = smaller(least, subtract(load(belief, 0, k), load(messages, edge, k)))
    least = spread(lowest(least))
    for k in range(0, belief.shape[1], LANES):
        above = subtract(subtract(load(belief, 0, k), load(messages, edge, k)), least)
        store(messages, edge, k, smaller(above, most))


@compiled_fast
def two_forward(unary, messages, weight, share, offsets):
    """Two labels: a message is how much more the first costs than the second, and stands in the place of the first."""
    pixels, half = weight.shape
    for p in range(pixels):
        if share[p] == 0:
            continue
        belief = gather_two(p, unary, messages, share[p], offsets)
        for d in range(half):
            messages[p, d, 0] = min(max(belief - messages[p, d, 0], -weight[p, d]), weight[p, d])


@compiled_fast
def two_backward(unary, messages, weight, share, offsets):
    """The same to earlier pixels."""
    pixels, half = weight.shape
    for p in range(pixels - 1, -1, -1):
        if share[p] == 0:
            continue
        belief = gather_two(p, unary, messages, share[p], offsets)
        for d in range(half):
            q = p - offsets[d]
            messages[q, d, 0] = min(max(belief - messages[q, d, 0], -weight[q, d]), weight[q, d])


@inlined
def gather_two(p, unary, messages, share, offsets):
    """A share of a pixel's difference of costs, with all messages to it."""
    total = unary[p, 0] - unary[p, 1]
    for d in range(len(offsets) // 2):
        total += messages[p, d, 0] + messages[p - offsets[d], d, 0]
    return share * total


@compiled_fast
def two_messages(messages):
    """Turn differences into a message a label, of which the lower is 0."""
    for p in range(messages.shape[0]):
        for d in range(messages.shape[1]):
            difference = messages[p, d, 0]
            messages[p, d, 0], messages[p, d, 1] = max(difference, np.float32(0)), max(-difference, np.float32(0))


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


@inlined
def turn(belief, message, weight, received):
    """Send a last message back along an edge, and leave the edge's dual variable in its place."""
    lowest = np.float32(np.inf)
    for k in range(len(belief)):
        lowest = min(lowest, belief[k] - message[k])
    for k in range(len(belief)):
        back = min(belief[k] - message[k] - lowest, weight)
        received[k] += back
        message[k] = np.float32(0.5) * (back - message[k])
