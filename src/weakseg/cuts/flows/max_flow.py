"""Maximum flow on a grid by persistent search trees.

Residual capacities are computed when a pixel is reached.

After Boykov and Kolmogorov 2004, with one forest. It grows from pixels that have excess, where few have any, and
deficits, which absorb it, lie all around: what no tree reaches is never looked at. It grows from the deficits where
there is more of them than of excess, against the flow: a root that is used up orphans its whole tree, and the
tree's leaves may be used up at no cost.

Pixels are numbers of a padded row-major grid, so that every neighbour exists. Directions 0 to D - 1 lead to later
pixels (right, down, down-right, down-left); `d ^ D` leads back along d, D being 2 or 4.
"""

from collections import namedtuple

import numpy as np
from jaxtyping import Int

from weakseg.compilation.compiled import compiled_without_arrays, inlined

FREE, ROOT, ORPHAN = -1, 64, 65
"""Parents that are not a direction."""
FAR = np.int32(1 << 30)


# Named tuples without annotations: the tests' shape checks would put another class in the place of an annotated one,
# which numba cannot cache.
Potts = namedtuple("Potts", "labels weight dual heights current")
"""A Potts energy, reparametrised by dual variables, and its labelling; int32, so that flows are exact.

labels (n): one per pixel; weight (n, D): of the edge to each later neighbour; dual (n, D, Kp >= K): what the edge adds
to the heights of its earlier pixel and takes from its later one; heights (K, n): unary costs with all edges' dual
variables; current (n): the height of the label that a pixel has.

An edge's dual variables span at most its weight, and exactly that between the labels of its pixels where these
differ (equation `paid-edges`).
"""

Forest = namedtuple("Forest", "offsets residual excess opened touched parent depth stamp queue queued orphans count")
"""Working arrays of the search; between two searches `parent` is `FREE` and the flags are 0.

offsets (2D): difference of pixel numbers in each direction; residual (n, 2D): what can still flow out of a pixel;
excess (n): what it has left over (> 0) or can absorb (< 0), both reversed where trees grow from deficits; opened (n):
1 where these two have been made; touched: the open pixels in order; parent (n): direction of the parent, or `FREE`,
`ROOT`, `ORPHAN`; depth (n), and stamp (n): after which augmentation it was right; queue: a ring of the pixels that may
still grow; queued (n): 1 for those in it; orphans: those to be adopted; count (6): the open pixels, the ends of the
queue, the augmentations, what trees grow from, and how many steps may still be taken.
"""

OPEN, HEAD, TAIL, TIME, SIDE, BUDGET = range(6)
EXCESS, DEFICITS = 0, 1
ENDLESS = 1 << 62
"""A number of steps that is never reached."""


def forest(pixels: int, offsets: Int[np.ndarray, " _"]) -> Forest:
    """Empty search trees for a padded grid."""
    whole, mark = lambda: np.zeros(pixels, np.int32), lambda: np.zeros(pixels, np.int8)
    count = np.zeros(6, np.int64)
    count[BUDGET] = ENDLESS
    return Forest(
        offsets=offsets,
        residual=np.empty((pixels, len(offsets)), np.int32),
        excess=whole(),
        opened=mark(),
        touched=whole(),
        parent=np.full(pixels, FREE, np.int8),
        depth=whole(),
        stamp=whole(),
        queue=whole(),
        queued=mark(),
        orphans=whole(),
        count=count,
    )


@inlined
def open_pixel(p, alpha, potts, trees):
    """Compute excess and residual capacities of a pixel, equation `residual`."""
    labels, weight, dual, offsets, residual = potts.labels, potts.weight, potts.dual, trees.offsets, trees.residual
    half, mine, reversed_ = weight.shape[1], labels[p], trees.count[SIDE] == DEFICITS
    trees.opened[p] = 1
    trees.touched[trees.count[OPEN]] = p
    trees.count[OPEN] += 1
    trees.excess[p] = potts.current[p] - potts.heights[alpha, p]
    if reversed_:
        trees.excess[p] = -trees.excess[p]
    for d in range(half):
        q = p + offsets[d]
        other = labels[q]
        residual[p, d] = 0
        if other != alpha and weight[p, d] > 0:
            there, back = dual[p, d, other] - dual[p, d, alpha], dual[p, d, alpha] - dual[p, d, mine]
            residual[p, d] = weight[p, d] + (back if reversed_ else there)
        q = p - offsets[d]
        other = labels[q]
        residual[p, d + half] = 0
        if other != alpha and weight[q, d] > 0:
            there, back = dual[q, d, alpha] - dual[q, d, other], dual[q, d, mine] - dual[q, d, alpha]
            residual[p, d + half] = weight[q, d] + (back if reversed_ else there)


@compiled_without_arrays
def start(p, trees):
    """Make an open pixel with excess a tree root."""
    trees.parent[p] = ROOT
    trees.depth[p], trees.stamp[p] = 0, trees.count[TIME]
    push(p, trees)


@inlined
def push(p, trees):
    """Queue a pixel for growing, once."""
    if trees.queued[p] == 0:
        trees.queued[p] = 1
        tail = trees.count[TAIL]
        trees.queue[tail] = p
        trees.count[TAIL] = tail + 1 if tail + 1 < len(trees.queue) else 0


@compiled_without_arrays
def grow(alpha, potts, trees):
    """Push excess to deficits until none is reachable.

    Then the trees hold what the roots reach.

    It also ends when no step is left: then pixels may still wait in the queue, and the flow is valid but not maximal.
    """
    offsets, residual, excess = trees.offsets, trees.residual, trees.excess
    parent, depth, stamp, count = trees.parent, trees.depth, trees.stamp, trees.count
    half = residual.shape[1] // 2
    while count[HEAD] != count[TAIL] and count[BUDGET] > 0:
        count[BUDGET] -= 1
        p = trees.queue[count[HEAD]]
        count[HEAD] = count[HEAD] + 1 if count[HEAD] + 1 < len(trees.queue) else 0
        trees.queued[p] = 0
        for d in range(2 * half):
            if parent[p] == FREE:
                break
            if residual[p, d] == 0:
                continue
            q = p + offsets[d]
            if parent[q] == FREE:
                if trees.opened[q] == 0:
                    open_pixel(q, alpha, potts, trees)
                # A deficit is filled before its pixel joins the tree; with some left it stays outside and absorbs more.
                while excess[q] < 0 and residual[p, d] > 0 and parent[p] != FREE:
                    adopt(augment(p, d, trees), trees)
                if residual[p, d] > 0 and parent[p] != FREE and parent[q] == FREE:
                    parent[q] = d ^ half
                    depth[q], stamp[q] = depth[p] + 1, stamp[p]
                    push(q, trees)
            # Boykov and Kolmogorov's shortcut: a neighbour that is nearer to a root becomes the parent. Short paths
            # keep augmentations cheap.
            elif stamp[q] <= stamp[p] and depth[q] > depth[p] + 1 and parent[q] != ROOT:
                parent[q] = d ^ half
                depth[q], stamp[q] = depth[p] + 1, stamp[p]


@inlined
def augment(p, d, trees):
    """Push flow through d; returns the number of orphans.

    The flow runs from the root above p, along its path.
    """
    offsets, residual, excess, parent, orphans = (
        trees.offsets, trees.residual, trees.excess, trees.parent, trees.orphans,
    )  # fmt: skip
    half = residual.shape[1] // 2
    q = p + offsets[d]
    flow = min(residual[p, d], -excess[q])
    v = p
    while parent[v] != ROOT:
        u = v + offsets[parent[v]]
        flow = min(flow, residual[u, parent[v] ^ half])
        v = u
    flow = min(flow, excess[v])
    residual[p, d] -= flow
    residual[q, d ^ half] += flow
    excess[q] += flow
    lost, steps = 0, 1
    v = p
    while parent[v] != ROOT:
        steps += 1
        c = parent[v]
        u = v + offsets[c]
        residual[v, c] += flow
        residual[u, c ^ half] -= flow
        if residual[u, c ^ half] == 0:
            parent[v] = ORPHAN
            orphans[lost] = v
            lost += 1
        v = u
    excess[v] -= flow
    if excess[v] == 0:
        parent[v] = ORPHAN
        orphans[lost] = v
        lost += 1
    trees.count[TIME] += 1
    trees.count[BUDGET] -= steps
    # Those nearest the root come first, so that pixels below them find a repaired tree.
    for i in range(lost // 2):
        orphans[i], orphans[lost - 1 - i] = orphans[lost - 1 - i], orphans[i]
    return lost


@inlined
def adopt(lost, trees):
    """Reattach orphans to the nearest tree, or free them."""
    offsets, residual, parent, orphans = trees.offsets, trees.residual, trees.parent, trees.orphans
    half = residual.shape[1] // 2
    first = 0
    while first < lost:
        v = orphans[first]
        first += 1
        best, nearest = -1, FAR
        for c in range(2 * half):
            u = v + offsets[c]
            if parent[u] != FREE and parent[u] != ORPHAN and residual[u, c ^ half] > 0:
                far = distance(u, trees)
                if far < nearest:
                    best, nearest = c, far
                    # It is as near as the lost parent; none is nearer, as trees only deepen between growths.
                    if far < trees.depth[v]:
                        break
        if best >= 0:
            parent[v] = best
            trees.depth[v], trees.stamp[v] = nearest + 1, trees.count[TIME]
            continue
        parent[v] = FREE
        for c in range(2 * half):
            u = v + offsets[c]
            if parent[u] == FREE:
                continue
            # An orphan too: it may yet be adopted, and has to look at this pixel again.
            if residual[u, c ^ half] > 0:
                push(u, trees)
            if parent[u] == c ^ half:
                parent[u] = ORPHAN
                orphans[lost] = u
                lost += 1
    trees.count[BUDGET] -= lost


@inlined
def distance(u, trees):
    """Steps from u up to its root, cached.

    `FAR` where the path ends at an orphan.
    """
    offsets, parent, depth, stamp = trees.offsets, trees.parent, trees.depth, trees.stamp
    now = trees.count[TIME]
    steps, v = np.int32(0), u
    while stamp[v] != now:
        if parent[v] == ORPHAN:
            return FAR
        if parent[v] == ROOT:
            stamp[v], depth[v] = now, 0
            break
        v += offsets[parent[v]]
        steps += 1
    total = steps + depth[v]
    v, far = u, total
    # The path just walked gets its distances, so that other orphans stop here instead of walking to the root again.
    while stamp[v] != now:
        stamp[v], depth[v] = now, far
        v += offsets[parent[v]]
        far -= 1
    return total
