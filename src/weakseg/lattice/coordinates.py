"""Coordinates and numbering of the permutohedral lattice.

It has 1 to 8 feature dimensions.

All d + 1 coordinates of a lattice point are equal modulo d + 1, so that remainder and d quotients identify it. Packed
into one integer with the remainder on top, the neighbour along an axis is the same integer plus a constant that depends
on the remainder only. Adams, Baek and Davis 2010, section 3.
"""

from math import pi

import numpy as np
from jaxtyping import Float, Int

from weakseg.errors import EvidenceInvalid

MOST_DIMENSIONS = 8


def elevation(dimensions: int) -> Float[np.ndarray, "E d"]:
    """Map from features to lattice coordinates, scaled to the blur.

    Coordinates sum to 0.

    Splatting, blurring and slicing together have a variance of 2/3 (d + 1)^2 along each axis (Adams et al. 2010).
    """
    matrix = np.zeros((dimensions + 1, dimensions))
    for axis in range(1, dimensions + 1):
        # Columns are orthogonal, and each sums to 0: the features lie in the hyperplane of coordinates that sum to 0.
        matrix[:axis, axis - 1] = 1
        matrix[axis, axis - 1] = -axis
        matrix[:, axis - 1] /= (axis * (axis + 1)) ** 0.5
    return (matrix * (dimensions + 1) * (2 / 3) ** 0.5).astype(np.float32)


def lattice_scale(dimensions: int) -> float:
    r"""Factor from blurred mass to Gaussian sums, equation `lattice-scale`.

    :math:`(4 \pi / 3)^{d/2} \sqrt{d + 1}`.
    """
    return (4 * pi / 3) ** (dimensions / 2) * (dimensions + 1) ** 0.5


def numbering(
    matrix: Float[np.ndarray, "E d"], smallest: Float[np.ndarray, " d"], largest: Float[np.ndarray, " d"]
) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " F"]]:
    """Numbering of the corners between two extreme features.

    A corner is one integer.

    Returns:
        The quotient of each coordinate at which counting starts, and what one more of it adds to the number; the last
        of F = E + 1 strides is that of the remainder. There is room for a neighbour beyond either end.
    """
    size = len(matrix)
    ends = np.stack([matrix * smallest, matrix * largest]).astype(np.float64)
    # Both extremes of each feature times its factor, whatever the factor's sign, so this is a bound and may be wide.
    # Three cells of room hold what rounding to a simplex moves, and a neighbour beyond it.
    lowest = np.floor(ends.min(0).sum(1) / size).astype(np.int64) - 3
    extent = np.ceil(ends.max(0).sum(1) / size).astype(np.int64) + 4 - lowest
    # Coordinates sum to 0, so the last one is not needed and adds nothing.
    strides = np.zeros(size + 1, np.int64)
    needed = 1
    for axis in range(size - 1):
        # Python's integers do not overflow, numpy's do, in silence: the true number is compared below.
        strides[axis] = min(needed, 2**62)
        needed *= int(extent[axis])
    strides[size] = min(needed, 2**62)
    if needed * size >= 2**63:
        raise EvidenceInvalid(
            f"a lattice of {needed * size:.1e} possible corners in {size - 1} dimensions",
            expected="fewer than 9.2e+18",
            fix="use larger bandwidths, fewer channels, or images scaled to [0, 1]",
        )
    return lowest, strides


MEMORY_LIMIT = 8 << 30
"""Largest memory of a lattice, and of the values on it, in bytes per image."""


def memory_needed(points: int, dimensions: int, corners: int) -> int:
    """Memory for building a lattice, in bytes.

    A point has features, corners and weights; a corner has neighbours, and a place in tables in which it is found and
    sorted, half of which may be empty.
    """
    size = dimensions + 1
    return points * (4 * dimensions + 8 * size) + corners * (8 * size + 48)


def corners_within_limit(points: int, dimensions: int) -> int:
    """Number of corners that memory allows.

    Raises:
        EvidenceInvalid: the points alone are too many.
    """
    alone = memory_needed(points, dimensions, 0)
    require_memory(alone, f"a lattice around {points} points of {dimensions} features")
    return (MEMORY_LIMIT - alone) // memory_needed(0, dimensions, 1)


def refuse_outgrown(points: int, dimensions: int, corners: int, placed: int) -> None:
    """Refuse a lattice whose projected size exceeds memory.

    The projection is from the corners of the points placed so far.
    """
    corners = corners * points // max(placed, 1)
    needed = memory_needed(points, dimensions, corners)
    require_memory(needed, f"a lattice of about {corners} corners around {points} points of {dimensions} features")


def require_memory(needed: int, what: str) -> None:
    """Refuse what would need more than `MEMORY_LIMIT` bytes."""
    if needed > MEMORY_LIMIT:
        raise EvidenceInvalid(
            f"{what} would take {needed / 2**30:.3g} GiB",
            expected=f"at most {MEMORY_LIMIT / 2**30:.3g} GiB",
            fix="use larger bandwidths, or a smaller image",
        )
