"""Curves through regions, as an annotator might draw them.

They go from one far end to the other, near the middle, and are slightly uneven. The region is divided into at most
`MAX_CELLS` square cells, each represented by its deepest pixel. The longest shortest path between cells selects the two
ends; a path that prefers deep cells joins them; smoothing makes it a stroke.
"""

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt, gaussian_filter1d, map_coordinates
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

MAX_CELLS = 1500
"""Most cells per region, which bounds the search to a few milliseconds."""
STEP_PX = 3.0
"""Length of the curve's pieces in pixels; cutting between pieces keeps shorter curves exactly inside longer ones."""
SWAY_HEIGHT_PX, SWAY_LENGTH_PX = 4.0, 20.0
"""Typical height and length of a hand's unevenness in pixels; the height is smaller in thin regions."""


def depth(region: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """Distance in pixels to the nearest pixel outside the region.

    The image's border is outside too.
    """
    return distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]  # pyright: ignore


def curve(region: Bool[np.ndarray, "H W"], generator: np.random.Generator) -> Float[np.ndarray, "N 2"]:
    """Vertices (row, column) of one open curve through a region.

    They are about `STEP_PX` apart; the region is connected and not empty. Every vertex lies on a pixel of the region;
    the pieces between them may leave a thin or crooked one.
    """
    deep = depth(region)
    cells, heights = _cells(deep)
    path = _path(cells, heights, generator)
    return _inside(_stroke(path, deep, generator), region)


def middle(points: Float[np.ndarray, "N 2"], length: float) -> Float[np.ndarray, "n 2"]:
    """The middle part of a curve with evenly spaced vertices.

    `length` in [0, 1] is the fraction to keep; 0 gives one point.
    """
    centre = len(points) // 2
    start, stop = centre - math.floor(length * centre), centre + math.floor(length * (len(points) - 1 - centre))
    return points[start : stop + 1]


def _cells(deep: Float[np.ndarray, "H W"]) -> tuple[Float[np.ndarray, "h w 2"], Float[np.ndarray, "h w"]]:
    """The deepest pixel of every cell and its depth.

    The depth is 0 if a cell contains none of the region.
    """
    # Cells grow with the region, so a whole-image background costs no more than a leaf.
    side = max(1, math.ceil(math.sqrt(np.count_nonzero(deep) / MAX_CELLS)))
    height, width = -(-deep.shape[0] // side), -(-deep.shape[1] // side)
    grown = np.pad(deep, ((0, height * side - deep.shape[0]), (0, width * side - deep.shape[1])))
    blocks = grown.reshape(height, side, width, side).swapaxes(1, 2).reshape(height, width, side * side)
    within = np.stack(np.divmod(blocks.argmax(2), side), axis=-1)
    corner = np.moveaxis(np.indices((height, width)), 0, -1) * side
    return (corner + within).astype(float), blocks.max(2)


def _path(cells: Float[np.ndarray, "h w 2"], heights: Float[np.ndarray, "h w"], generator) -> Float[np.ndarray, "N 2"]:
    """Deepest pixels along a long path.

    Its ends and its route vary with the generator.
    """
    inside = heights > 0
    places, depths = cells[inside], heights[inside]
    number = np.full(heights.shape, -1)
    number[inside] = np.arange(len(places))
    ends = np.concatenate([_neighbours(number, *step) for step in ((0, 1), (1, 0), (1, 1), (1, -1))], axis=1)
    lengths = np.linalg.norm(places[ends[0]] - places[ends[1]], axis=1)
    # A stroke stays clear of the outline: its ends lie at least this deep.
    allowed = depths >= generator.uniform(0.25, 0.5) * depths.max()
    graph = _graph(ends, lengths, len(places))
    # Twice the farthest cell: from anywhere to one end, and from there to the other. In a tree this is the longest
    # path, in other regions nearly.
    start = _farthest(graph, int(generator.integers(len(places))), allowed)
    stop = _farthest(graph, start, allowed)
    # Shallow steps are expensive, so that the path keeps to the middle; 0.1 bounds the cost along the outline.
    cost = lengths / (depths[ends].mean(0) / depths.max() + 0.1) ** 2
    before = dijkstra(_graph(ends, cost, len(places)), indices=start, return_predecessors=True)[1]
    route = [stop]
    while route[-1] != start:
        route.append(int(before[route[-1]]))
    return places[route]


def _neighbours(number, down: int, right: int):
    """Pairs of numbered cells that are one step apart."""
    height, width = number.shape
    first = number[: height - down, max(-right, 0) : width - max(right, 0)].ravel()
    second = number[down:, max(right, 0) : width + min(right, 0)].ravel()
    both = (first >= 0) & (second >= 0)
    return np.stack([first[both], second[both]])


def _graph(ends, weights, n_nodes: int):
    both_ways = np.concatenate([ends, ends[::-1]], axis=1)
    return csr_array((np.tile(weights, 2), (both_ways[0], both_ways[1])), shape=(n_nodes, n_nodes))


def _farthest(graph, start: int, allowed) -> int:
    distance = dijkstra(graph, indices=start)
    return int(np.where(allowed, distance, -1.0).argmax())


def _stroke(path: Float[np.ndarray, "N 2"], deep, generator) -> Float[np.ndarray, "n 2"]:
    """The path as a hand would follow it.

    It is evenly spaced, without corners, and sways gently within the region.
    """
    fine = _resampled(path, 1.0)
    # A short path is smoothed less, because smoothing draws its ends together.
    smooth = gaussian_filter1d(fine, min(8.0, len(fine) / 8), axis=0, mode="nearest")
    wave = gaussian_filter1d(generator.normal(size=fine.shape), SWAY_LENGTH_PX, axis=0, mode="wrap")
    wave *= math.sqrt(2 * math.sqrt(math.pi) * SWAY_LENGTH_PX)  # back to unit variance
    room = map_coordinates(deep, smooth.T, order=1, mode="nearest")[:, None]
    # Small relative to the depth, so that few vertices leave the region and have to be moved back.
    return _resampled(smooth + np.minimum(0.15 * room, SWAY_HEIGHT_PX) * wave, STEP_PX)


def _resampled(points: Float[np.ndarray, "N 2"], step: float) -> Float[np.ndarray, "n 2"]:
    """The same polyline with evenly spaced vertices.

    Their number is odd, so that one of them is the middle.
    """
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    halves = math.ceil(along[-1] / step / 2)
    at = np.linspace(0.0, along[-1], 2 * halves + 1)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)


def _inside(points: Float[np.ndarray, "N 2"], region: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, "N 2"]:
    """The vertices, moved to the region if outside."""
    points = np.clip(points, 0, np.array(region.shape) - 1.0)
    at = np.rint(points).astype(int)
    outside = ~region[at[:, 0], at[:, 1]]
    if outside.any():
        nearest = distance_transform_edt(~region, return_distances=False, return_indices=True)
        points[outside] = nearest[:, at[outside, 0], at[outside, 1]].T  # pyright: ignore
    return points
