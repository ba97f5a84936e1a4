"""Small Potts problems, their energies written out, and the best expansion by scipy's maximum flow."""

import numpy as np
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from weakseg.grids.neighbours import ends

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
SCALE = 1e5


def random_problem(size, classes, half, seed, seeds=0.0, void=0.0):
    """(unary, weight, valid, seeds, begin) as `minimise` takes them."""
    draw = np.random.default_rng([seed, *size, classes, half])
    unary = (draw.random((classes, *size)) * draw.choice([1, 3, 10])).astype(np.float32)
    valid = draw.random(size) >= void
    weight = draw.random((half, *size)).astype(np.float32) * (draw.random((half, *size)) < 0.9)
    for d, i, j in np.ndindex(weight.shape):
        other = (i + STEPS[d][0], j + STEPS[d][1])
        inside = other[0] < size[0] and 0 <= other[1] < size[1]
        if not (inside and valid[i, j] and valid[other]):
            weight[d, i, j] = 0
    marked = np.where(draw.random(size) < seeds, draw.integers(0, classes, size), -1).astype(np.int32)
    return unary, weight, valid, marked, np.full(size, -1, np.int32)


def smooth_problem(side: int, classes: int, seed: int = 0):
    """Smooth costs under smooth edges, and a seed of each label: little holds a large image."""
    draw = np.random.default_rng(seed)
    noise = lambda count, width: np.stack([gaussian_filter(draw.standard_normal((side, side)), width)] * count)  # noqa: E731
    unary = np.concatenate([noise(1, side / 30) for _ in range(classes)])
    unary = (0.15 * unary / unary.std()).astype(np.float32)
    weight = np.zeros((4, side, side), np.float32)
    for edges, step in zip(weight, STEPS, strict=True):
        near, _ = ends(edges, step)
        near[...] = np.exp(-np.abs(draw.standard_normal(near.shape)))
    seeds = np.full((side, side), -1, np.int32)
    for label in range(classes):
        seeds[side // 4, (label + 1) * side // (classes + 1)] = label
    return unary, weight, np.ones((side, side), bool), seeds, np.full_like(seeds, -1)


@st.composite
def labels_of(draw):
    """Problems of any shape, lines and single pixels among them."""
    size = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    half, classes = draw(st.sampled_from([2, 4])), draw(st.integers(1, 6))
    return random_problem(
        size,
        classes,
        half,
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from([0, 0.3])),
        draw(st.sampled_from([0, 0.3])),
    )


def edges(weight):
    """(near, far, weight) of every edge."""
    for d, i, j in zip(*np.nonzero(weight), strict=True):
        yield (i, j), (i + STEPS[d][0], j + STEPS[d][1]), float(weight[d, i, j])


def value(problem, labels) -> float:
    """The energy of a labelling."""
    return float(values(problem, labels[None])[0])


def values(problem, labels):
    """The energies of labellings (N, H, W)."""
    unary, weight, valid = problem[:3]
    total = np.zeros(len(labels))
    for i, j in zip(*np.nonzero(valid), strict=True):
        total += unary[labels[:, i, j], i, j]
    for (i, j), (k, m), w in edges(weight):
        total += w * (labels[:, i, j] != labels[:, k, m])
    return total


def cut(terminals, arcs):
    """Flow, and which nodes the source still reaches; `terminals` > 0 come from the source, < 0 go to the sink."""
    n = len(terminals)
    source, sink = n, n + 1
    rows = [source if t > 0 else i for i, t in enumerate(terminals)] + [a for a, _, _ in arcs]
    columns = [i if t > 0 else sink for i, t in enumerate(terminals)] + [b for _, b, _ in arcs]
    amounts = [abs(t) for t in terminals] + [c for _, _, c in arcs]
    graph = coo_matrix((np.array(amounts, np.int32), (rows, columns)), shape=(n + 2, n + 2)).tocsr()
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    found = maximum_flow(graph, source, sink)
    left = graph - found.flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = np.zeros(n + 2, bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return found.flow_value, reached[:n]


def best_move(problem, labels, alpha) -> float:
    """The lowest energy that one expansion of `alpha` reaches."""
    unary, weight, valid, seeds = problem[:4]
    number = {p: i for i, p in enumerate(zip(*np.nonzero(valid), strict=True))}
    keep = np.array([float(unary[labels[p], p[0], p[1]]) for p in number])
    take = np.array([float(unary[alpha, p[0], p[1]]) for p in number])
    for p, i in number.items():
        if seeds[p] >= 0 and seeds[p] != alpha:
            take[i] += 1e3
    arcs = []
    for p, q, w in edges(weight):
        i, j = number[p], number[q]
        both, one, other = w * (labels[p] != labels[q]), w * (labels[p] != alpha), w * (labels[q] != alpha)
        # With 1 for "takes": E = E00 + (E10 - E00) u_i - E10 u_j + (E01 + E10 - E00) (1 - u_i) u_j.
        take[i] += other - both
        take[j] -= other
        arcs.append((j, i, round((one + other - both) * SCALE)))
    _, takes = cut(np.rint((keep - take) * SCALE).astype(np.int64), arcs)
    moved = labels.copy()
    for p, i in number.items():
        if takes[i]:
            moved[p] = alpha
    return value(problem, moved)
