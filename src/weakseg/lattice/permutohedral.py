r"""Gaussian filtering on the permutohedral lattice.

It takes 1 to 8 feature dimensions and time linear in the points.

Every point is splatted onto the d + 1 corners of the simplex around it, values are blurred along the d + 1 axes of the
lattice, and sliced back with the same weights. Adams, Baek and Davis 2010, sections 3 and 4.

Corners stand in the order in which points touch them, so that those of neighbouring pixels are near in memory. In the
order of their numbers, all neighbours of a kind are found by walking two sorted ranges at once.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from weakseg.compilation.compiled import compiled
from weakseg.errors import EvidenceInvalid
from weakseg.lattice.coordinates import (
    MOST_DIMENSIONS,
    corners_within_limit,
    elevation,
    lattice_scale,
    numbering,
    refuse_outgrown,
    require_memory,
)
from weakseg.lattice.corners import embed
from weakseg.lattice.values import aligned_zeros, blur, padded, slice_, splat


@dataclass(frozen=True, eq=False)
class Lattice:
    """N points on a lattice of M corners.

    It is built once for an image and used for many filterings.

    Corners are numbered 0 to M - 1; M itself stands for every corner that no point touches, where all values are 0.
    """

    corners: Int[np.ndarray, "N E"]
    """The E = d + 1 corners of the simplex around each point."""
    weights: Float[np.ndarray, "N E"]
    """Barycentric weights of those corners; they sum to 1."""
    neighbours: Int[np.ndarray, "E M 2"]
    """The two neighbours of each corner along each axis, or M."""

    @property
    def size(self) -> int:
        """Number of touched corners, M."""
        return self.neighbours.shape[1]

    def filter(self, values: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "N C"]:
        r"""Gaussian sums over all points, equation `gaussian-sum`.

        :math:`\sum_j \exp(-\lVert f_i - f_j \rVert^2 / 2) \, v_j`.

        Each point's own value is included. Blurs along different axes would commute, but for corners that no point
        touches; the mean of both orders makes the operator symmetric, so it is its own adjoint, and is nearer to the
        sum.
        """
        given = padded(values)
        require_memory(
            12 * self.size * given.shape[1], f"{values.shape[1]} channels on a lattice of {self.size} corners"
        )
        on_corners, other, room = (aligned_zeros(self.size + 1, given.shape[1]) for _ in range(3))
        splat(given, self.corners, self.weights, on_corners)
        # Both orders start from the same splat.
        other[:] = on_corners
        blur(on_corners, room, self.neighbours, False)
        blur(other, room, self.neighbours, True)
        on_corners += other
        # The 2 is for the mean of both orders; scaling the weights is cheaper than scaling all channels.
        weights = self.weights * np.float32(lattice_scale(len(self.neighbours) - 1) / 2)
        return slice_(on_corners, self.corners, weights)[:, : values.shape[1]]


def build(features: Float[np.ndarray, "d N"]) -> Lattice:
    """The lattice around some points.

    Their features are in units of the bandwidth: one standard deviation is 1.

    Raises:
        EvidenceInvalid: a feature is not finite, or bandwidths are so small that corners cannot be numbered, or would
            outgrow memory.
    """
    features = np.ascontiguousarray(features, np.float32)
    dimensions, points = features.shape
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise EvidenceInvalid(f"points of {dimensions} features", expected=f"1 to {MOST_DIMENSIONS}")
    if not np.isfinite(features).all():
        raise EvidenceInvalid("features that are nan or infinite", fix="look for such values in the image")
    # An empty image still needs a lattice; one point at the origin gives it extents.
    if points == 0:
        features = np.zeros((dimensions, 1), np.float32)
    matrix = elevation(dimensions)
    lowest, strides = numbering(matrix, features.min(1), features.max(1))
    keys, corners, weights, placed = embed(features, matrix, lowest, strides, corners_within_limit(points, dimensions))
    if placed < points:
        refuse_outgrown(points, dimensions, len(keys), placed)
    order = np.argsort(keys)
    return Lattice(corners[:points], weights[:points], _neighbours(keys[order], order, strides))


@compiled
def _neighbours(keys, order, strides):
    """Both neighbours of each corner along each axis.

    `keys` is sorted, and `order` gives each key's corner.
    """
    size, count = len(strides) - 1, len(keys)
    neighbours = np.full((size, count, 2), count, np.int32)
    top = strides[size]
    start = np.searchsorted(keys, np.arange(size + 1) * top)
    around = strides[:size].sum()
    for axis in range(size):
        down = strides[axis]
        for remainder in range(size):
            # One step adds 1 to every coordinate but this one, which goes down by d.
            last = remainder == size - 1
            step = around - remainder * top - down if last else top - down
            target = 0 if last else remainder + 1
            # Both ranges are sorted and the step is the same for all corners of a remainder, so the wanted keys rise as
            # well, and `there` never goes back.
            there = start[target]
            for corner in range(start[remainder], start[remainder + 1]):
                wanted = keys[corner] + step
                while there < start[target + 1] and keys[there] < wanted:
                    there += 1
                if there < start[target + 1] and keys[there] == wanted:
                    neighbours[axis, order[corner], 0] = order[there]
                    neighbours[axis, order[there], 1] = order[corner]
    return neighbours
