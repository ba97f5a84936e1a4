"""Tree-reweighted message passing on a grid.

It raises a lower bound of a Potts energy.

Kolmogorov 2006. A sweep visits pixels in row-major order, or against it; each sends every later neighbour what
a label there would cost it at least. Both the labels found on the way and the bound are good to start cuts from.

A pixel's messages depend on those of the pixel before, so rows are processed in pairs (`in_pairs_of_rows`): two chains
of messages then run in parallel, with the results of row-major order.
"""

import numpy as np

from weakseg.compilation.compiled import compiled_fast, inlined
from weakseg.compilation.simd import LANES, add, load, lowest, multiply, smaller, spread, store, subtract

BEHIND = 2
"""Pixels by which the lower row of a pair lags, so that the diagonal neighbours above are done."""


@compiled_fast
def in_pairs_of_rows(share, width, order):
    """Write the visiting order of pixels; return their number.

    Pixels without edges are left out.
    """
    count = 0
    # The first and the last row are border.
    for row in range(width, len(share) - width, 2 * width):
        for j in range(width + BEHIND):
            upper, lower = row + j, row + width + j - BEHIND
            if j < width and share[upper] > 0:
                order[count] = upper
                count += 1
            if j >= BEHIND and share[lower] > 0:
                order[count] = lower
                count += 1
    return count


@compiled_fast
def sweep(unary, messages, weight, share, steps, way, belief):
    """One sweep of messages for 9 labels or more.

    messages (n D, Kp): a row an edge; share: one over the number of edges on a pixel's fuller side; steps (D): to the
    later neighbours; way: how far before a pixel its edges lie (D), 0 for those to later pixels and the steps
    themselves for those to earlier ones, and the pixels in the order in which they are visited; belief (1, Kp): room.
    """
    shift, order = way
    half = len(steps)
    for p in order:
        part = spread(share[p])
        for k in range(0, belief.shape[1], LANES):
            store(belief, 0, k, multiply(part, received(p, k, unary, messages, steps)))
        for d in range(half):
            q = p - shift[d]
            # A message above the edge's weight is cut off there: any label can be had for the price of a label change.
            least, most = spread(np.float32(3e38)), spread(weight[q, d])
            for k in range(0, belief.shape[1], LANES):
                least = smaller(least, subtract(load(belief, 0, k), load(messages, q * half + d, k)))
            least = spread(lowest(least))
            for k in range(0, belief.shape[1], LANES):
                above = subtract(subtract(load(belief, 0, k), load(messages, q * half + d, k)), least)
                store(messages, q * half + d, k, smaller(above, most))


@compiled_fast
def sweep_eight(unary, messages, weight, share, steps, way):
    """One sweep for up to 8 labels.

    Beliefs stay in a register, which halves the time.
    """
    shift, order = way
    half = len(steps)
    for p in order:
        belief = multiply(spread(share[p]), received(p, 0, unary, messages, steps))
        for d in range(half):
            q = p - shift[d]
            left = subtract(belief, load(messages, q * half + d, 0))
            above = subtract(left, spread(lowest(left)))
            store(messages, q * half + d, 0, smaller(above, spread(weight[q, d])))


@inlined
def received(p, k, unary, messages, steps):
    """Belief of eight labels at p: costs and messages.

    Edges that do not exist have messages of 0.
    """
    half = len(steps)
    total = load(unary, p, k)
    # Direction 0 comes last, because its message is the last to be ready.
    for d in range(half - 1, -1, -1):
        total = add(total, add(load(messages, p * half + d, k), load(messages, (p - steps[d]) * half + d, k)))
    return total


@compiled_fast
def sweep_two(unary, messages, weight, share, steps, way):
    """One sweep for two labels.

    A message (n, D) is how much more the first label costs than the second.
    """
    shift, order = way
    half = len(steps)
    for p in order:
        belief = unary[p, 0] - unary[p, 1]
        for d in range(half - 1, -1, -1):
            belief += messages[p, d] + messages[p - steps[d], d]
        belief *= share[p]
        for d in range(half):
            q = p - shift[d]
            # For two labels a message is one number, clipped on both sides.
            messages[q, d] = min(max(belief - messages[q, d], -weight[q, d]), weight[q, d])


@compiled_fast
def two_messages(differences, messages):
    """Differences (n, D) as messages (n, D, 2).

    The lower of the two is 0.
    """
    for p in range(messages.shape[0]):
        for d in range(messages.shape[1]):
            difference = differences[p, d]
            messages[p, d, 0], messages[p, d, 1] = max(difference, np.float32(0)), max(-difference, np.float32(0))


@compiled_fast
def finish(unary, messages, weight, share, offsets, room, labels):
    """Final backward sweep: dual variables and labels, equation `messages`.

    An edge's dual variable is half of what its two messages differ by, so both sweeps count alike; labels are chosen
    one after the other, given those chosen before and the messages of the others. room (width + 4, K): zeros.
    """
    pixels, half = weight.shape
    classes = unary.shape[1]
    # Messages to earlier pixels are overwritten before those pixels are visited: their sums are kept for a row.
    cost, belief, sums = room[0], room[1], room[2:]
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
                    send_back(belief, messages[q, d], weight[q, d], sums[q % ring])
        for k in range(classes):
            here[k] = 0


@inlined
def send_back(belief, message, weight, received):
    """Send a last message; leave the dual variable."""
    lowest = np.float32(np.inf)
    for k in range(len(belief)):
        lowest = min(lowest, belief[k] - message[k])
    for k in range(len(belief)):
        back = min(belief[k] - message[k] - lowest, weight)
        received[k] += back
        message[k] = np.float32(0.5) * (back - message[k])
