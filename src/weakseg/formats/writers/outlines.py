"""The outlines of masks along the edges of their pixels.

An area of pixels that touch by their sides is a part of one ring around it and a ring for each of its holes. Filling
the rings gives the pixels back.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

Corner = tuple[int, int]
Ring = Int[np.ndarray, "_ 2"]
Part = list[Ring]
"""A ring around an area, then one around each of its holes."""


def outlines(mask: Bool[np.ndarray, "H W"]) -> list[Part]:
    """The parts of a mask; corners are (row, column) in edge coordinates.

    Rings around areas are clockwise, those around holes counterclockwise, and no ring crosses itself.
    """
    rings, of_edge = _rings(mask)
    around = {number for number, ring in enumerate(rings) if _is_around(ring)}
    parts = {number: [rings[number]] for number in sorted(around)}
    for number, ring in enumerate(rings):
        if number not in around:
            parts[_around(number, rings, around, mask, of_edge)].append(ring)
    return list(parts.values())


def _rings(mask: Bool[np.ndarray, "H W"]) -> tuple[list[Ring], Int[np.ndarray, "H E"]]:
    """All rings, and the ring that each vertical edge belongs to."""
    onwards: dict[bool, dict[Corner, list[Corner]]] = {True: defaultdict(list), False: defaultdict(list)}
    for start, stop in _sides(mask):
        onwards[True][start].append(stop)
    for (left, top), (right, bottom) in _sides(mask.T):
        # Of the transposed mask the other sides lie to the right.
        onwards[False][bottom, right].append((top, left))
    rings: list[Ring] = []
    of_edge = np.full((mask.shape[0], mask.shape[1] + 1), -1)
    # A corner where two areas touch begins two rings.
    for first in [first for first, stops in onwards[True].items() for _ in stops]:
        at, before, ring, along = first, first, [], True
        while (stops := onwards[along].get(at)) is not None:
            # Where two areas touch by a corner, the ring stays with the pixel that it goes around.
            turn = min if _stays(before, at, along) else max
            stop = stops[0] if len(stops) == 1 else turn(stops)
            stops.remove(stop)
            if not stops:
                del onwards[along][at]
            ring.append(at)
            if not along:
                of_edge[min(at[0], stop[0]) : max(at[0], stop[0]), at[1]] = len(rings)
            before, at, along = at, stop, not along
        if ring:
            rings.append(np.array(ring))
    return rings, of_edge


def _stays(before: Corner, at: Corner, along: bool) -> bool:
    """Whether the smaller of two next corners is that of the same pixel.

    Rings go right above a pixel, down to its right, left below it and up to its left.
    """
    return at[0] > before[0] if along else at[1] < before[1]


def _sides(mask: Bool[np.ndarray, "H W"]) -> Iterator[tuple[Corner, Corner]]:
    """Horizontal sides of areas: to the right above them, to the left below them."""
    padded = np.pad(mask.astype(np.int8), 1)
    change = np.diff(padded, axis=0)  # 1 above an area, -1 below one
    for value in (1, -1):
        rows, starts = np.nonzero((change[:, 1:] == value) & (change[:, :-1] != value))
        _, stops = np.nonzero((change[:, :-1] == value) & (change[:, 1:] != value))
        for row, start, stop in zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True):
            left, right = (row, start), (row, stop)
            yield (left, right) if value == 1 else (right, left)


def _is_around(ring: Ring) -> bool:
    """Whether a ring is clockwise, with the area inside."""
    rows, columns = ring.T
    return int((columns * np.roll(rows, -1) - np.roll(columns, -1) * rows).sum()) > 0


def _around(
    number: int, rings: list[Ring], around: set[int], mask: Bool[np.ndarray, "H W"], of_edge: Int[np.ndarray, "H E"]
) -> int:
    """The ring around the area that a hole lies in."""
    while number not in around:
        # Left of the hole's first pixel is the area; the next border to the left is that of the area or a hole of it.
        row, column = min(map(tuple, rings[number].tolist()))
        outside = np.flatnonzero(~mask[row, :column])
        number = int(of_edge[row, outside[-1] + 1 if len(outside) else 0])
    return number
