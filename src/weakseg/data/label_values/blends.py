"""Label maps whose values were blended: by resizing, turning, JPEG, or a soft brush.

A blend of two classes is a value between theirs, on a rim of a few pixels between them. Where that is a class's value
too, only its place gives it away: classes that lie beside each other in a sound map touch, whatever their values are,
and those of a blended map have values in between nearly everywhere.
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
"""What to do, with the words for the maps."""

_THIN, _WIDE = 3, 9
"""Pixels across: rims are no wider than the first, and what is wider than the second tells nothing of rims."""
_LEAST = 20
"""Rims are crossed by so many rows and columns at least: fewer are a slip of the pen."""
END = int(np.iinfo(np.int32).min)
"""In place of a value: nothing is known of the pixel, as beyond the border of the map."""
_CORE = 3
"""Pixels from an area's edge to what is inside it."""


@dataclass(frozen=True)
class Rims:
    """How rows and columns of label maps go from one value to another."""

    thin: int = 0
    """Times over a few pixels of a class whose value is between the two."""
    wide: int = 0
    """Times over some more pixels of such a class."""
    long: int = 0
    """Times over as many as these or more."""
    sharp: int = 0
    """Times at once, though there are values between the two."""
    pixels: Counter[int] = field(default_factory=Counter)
    """Of thin rims, by value."""
    graded: frozenset[int] = frozenset()
    """Values whose thin rims lie beside thin rims of others."""

    @property
    def blended(self) -> bool:
        """Whether the map looks blended: real classes between two others touch both, but others touch as well."""
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
    """Pixels between two other values up to two pixels away, one on each side in their row or column.

    Args:
        raw: the values, or the channels of colours, which must all lie between.
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
    """The rims of one map.

    Args:
        raw: its values, or `END`.
        nothing: values that stand for no class, which may be drawn around others as a line.
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
    """Values and lengths of the runs of equal values in the rows of a map; each row ends with a run of its own."""
    lines = np.full((len(raw), raw.shape[1] + 1), END, np.int64)
    lines[:, :-1] = raw
    flat = lines.ravel()
    begins = np.flatnonzero(np.diff(flat, prepend=END - 1))
    return flat[begins], np.diff(begins, append=flat.size)


def cores(raw: Int[np.ndarray, "H W"]) -> Counter[int]:
    """Pixels well inside an area of their own value, by value: lines have none."""
    if min(raw.shape) <= 2 * _CORE:
        return Counter()
    here, inner = raw[_CORE:-_CORE, _CORE:-_CORE], slice(_CORE, -_CORE)
    rows = (raw[: -2 * _CORE, inner] == here) & (raw[2 * _CORE :, inner] == here)
    columns = (raw[inner, : -2 * _CORE] == here) & (raw[inner, 2 * _CORE :] == here)
    return pixels_of(here[rows & columns])


def pixels_of(values: Int[np.ndarray, "..."]) -> Counter[int]:
    """How many pixels have each value."""
    each, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(each.tolist(), counts.tolist(), strict=True)))
