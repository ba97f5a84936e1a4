"""Detection of label maps with blended values.

Resizing, rotation, JPEG or a soft brush blend the values of two classes into one between them, on a rim of a few
pixels. If that is a class's value too, only its place gives it away: in a sound map any adjacent classes touch,
whatever their values are, whereas in a blended map there are values in between nearly everywhere.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int, Shaped

HARDER = (
    "export {} again as PNG with a hard pen, and resize or turn {} without interpolation (nearest neighbour):"
    " blended edges make values between the classes"
)
"""The recommended action, with places for the words for the maps."""

_THIN, _WIDE = 3, 9
"""Widths in pixels: rims are at most as wide as the first; areas wider than the second are not evidence."""
_LEAST = 20
"""Fewest rows and columns that cross rims: fewer may be a slip of the pen."""
END = int(np.iinfo(np.int32).min)
"""Value of unknown pixels, as beyond the border of the map."""
_CORE = 3
"""Distance in pixels from an area's edge to its core."""


@dataclass(frozen=True)
class Rims:
    """Counts of transitions between values, along rows and columns."""

    thin: int = 0
    """Number of transitions over a few pixels of a value between the two."""
    wide: int = 0
    """Number of transitions over somewhat more pixels of such a value."""
    long: int = 0
    """Number of transitions over as many pixels as these or more."""
    sharp: int = 0
    """Number of direct transitions, although there are values between the two."""
    pixels: Counter[int] = field(default_factory=Counter)
    """Number of pixels on thin rims, by value."""
    graded: frozenset[int] = frozenset()
    """Values whose thin rims lie beside thin rims of others."""

    @property
    def blended(self) -> bool:
        """Whether the map looks blended.

        Real classes between two others touch both, but others touch as well.
        """
        return self.thin >= _LEAST and self.thin > self.sharp and 2 * self.thin > 3 * self.wide

    def __add__(self, other: "Rims") -> "Rims":
        return Rims(
            thin=self.thin + other.thin,
            wide=self.wide + other.wide,
            long=self.long + other.long,
            sharp=self.sharp + other.sharp,
            pixels=self.pixels + other.pixels,
            graded=self.graded | other.graded,
        )


def between(raw: Shaped[np.ndarray, "H W *N"]) -> Bool[np.ndarray, "H W"]:
    """Mask of pixels between two different values nearby.

    They lie up to two pixels away, one on each side in the row or column.

    Args:
        raw: the values, or the channels of colours, all of which must lie between.
    """
    channels = np.atleast_3d(raw)
    found = np.zeros(raw.shape[:2], bool)
    for turned, into in ((channels, found), (channels.swapaxes(0, 1), found.T)):
        for reach in (1, 2):
            if len(turned) <= 2 * reach:
                continue
            before, here, after = turned[: -2 * reach], turned[reach:-reach], turned[2 * reach :]
            inside = (np.minimum(before, after) <= here) & (here <= np.maximum(before, after))
            other = (before != here).any(2) & (here != after).any(2)
            into[reach:-reach] |= inside.all(2) & other
    return found


def rims(raw: Int[np.ndarray, "H W"], nothing: Sequence[int]) -> Rims:
    """The transitions of one map.

    Args:
        raw: its values, or `END`.
        nothing: values that mean no class, which may surround others as a line.
    """
    found, covered = Rims(), np.zeros(raw.shape, bool)
    for turned, into in ((raw, covered), (raw.T, covered.T)):
        values, lengths = _runs(turned)
        before, here, after = values[:-2], values[1:-1], values[2:]
        step = np.zeros(len(values), bool)
        step[1:-1] = ((before < here) & (here < after)) | ((before > here) & (here > after))
        step[1:-1] &= (before != END) & (after != END)
        step &= ~np.isin(values, nothing)
        thin, long = step & (lengths <= _THIN), step & (lengths > _THIN)
        wide = long & (lengths <= _WIDE)
        jump = (np.abs(np.diff(values)) > 1) & (values[:-1] != END) & (values[1:] != END)
        sharp = jump & ~thin[:-1] & ~thin[1:]
        pairs = thin[:-1] & thin[1:]
        graded = frozenset([*values[:-1][pairs].tolist(), *values[1:][pairs].tolist()])
        found += Rims(int(thin.sum()), int(wide.sum()), int(long.sum()), int(sharp.sum()), graded=graded)
        into |= np.repeat(thin, lengths).reshape(len(turned), -1)[:, :-1]
    return found + Rims(pixels=pixels_of(raw[covered]))


def _runs(raw: Int[np.ndarray, "H W"]) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Values and lengths of runs of equal values.

    They go along the rows of a map; each row ends with a run of `END`.
    """
    # A value that no map has ends each row, so that a run never goes on into the next one.
    lines = np.full((len(raw), raw.shape[1] + 1), END, np.int64)
    lines[:, :-1] = raw
    flat = lines.ravel()
    begins = np.flatnonzero(np.diff(flat, prepend=END - 1))
    return flat[begins], np.diff(begins, append=flat.size)


def cores(raw: Int[np.ndarray, "H W"]) -> Counter[int]:
    """Number of pixels well inside areas, by value.

    Lines have none.
    """
    if min(raw.shape) <= 2 * _CORE:
        return Counter()
    here, inner = raw[_CORE:-_CORE, _CORE:-_CORE], slice(_CORE, -_CORE)
    rows = (raw[: -2 * _CORE, inner] == here) & (raw[2 * _CORE :, inner] == here)
    columns = (raw[inner, : -2 * _CORE] == here) & (raw[inner, 2 * _CORE :] == here)
    return pixels_of(here[rows & columns])


def pixels_of(values: Int[np.ndarray, "..."]) -> Counter[int]:
    """Number of pixels of each value."""
    each, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(each.tolist(), counts.tolist(), strict=True)))
