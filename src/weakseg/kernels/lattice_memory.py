"""How much memory a permutohedral lattice takes, and the most that it may.

Small bandwidths give nearly every point its own d + 1 corners, and each corner has d + 1 pairs of neighbours.
"""

from weakseg.errors import EvidenceInvalid

MEMORY_LIMIT = 8 << 30
"""Bytes that each lattice of a picture may take, and values on it as well."""


def memory_needed(points: int, dimensions: int, corners: int) -> int:
    """Bytes while it is built.

    A point has features, corners and weights; a corner has neighbours, and a place in tables in which it is found and
    sorted, half of which may be empty.
    """
    size = dimensions + 1
    return points * (4 * dimensions + 8 * size) + corners * (8 * size + 48)


def corners_within_limit(points: int, dimensions: int) -> int:
    """How many corners that many points may touch.

    Raises:
        EvidenceInvalid: the points alone are too many.
    """
    alone = memory_needed(points, dimensions, 0)
    require_memory(alone, f"a lattice around {points} points of {dimensions} features")
    return (MEMORY_LIMIT - alone) // memory_needed(0, dimensions, 1)


def refuse_outgrown(points: int, dimensions: int, corners: int, placed: int) -> None:
    """Tell how large a lattice would be of which so many corners were touched when so many points were placed."""
    corners = corners * points // max(placed, 1)
    needed = memory_needed(points, dimensions, corners)
    require_memory(needed, f"a lattice of about {corners} corners around {points} points of {dimensions} features")


def require_memory(needed: int, what: str) -> None:
    """Refuse what would take more bytes than `MEMORY_LIMIT`."""
    if needed > MEMORY_LIMIT:
        raise EvidenceInvalid(
            f"{what} would take {needed / 2**30:.3g} GiB",
            expected=f"at most {MEMORY_LIMIT / 2**30:.3g} GiB",
            mend="use larger bandwidths, or a smaller picture",
        )
