"""Painted scribbles without a declaration: one label per colour."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from weakseg.data.images.colours import TRANSPARENT, named, rgba_of
from weakseg.data.label_values.blends import between
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

_MOST = 32
"""Most colours of a painting; a photo has thousands."""
_RARE = 0.1
"""Most pixels of a blend, as a fraction of those of the largest stroke."""
_ROUNDING = 3
"""Tolerance, in levels of 255, of a blend to the line between its colours."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Painted strokes as labels."""

    labels: Int[np.ndarray, "H W"]
    """Index in `colours` of each pixel; `UNLABELED` where nothing is drawn."""
    colours: tuple[int, ...]
    """Numbers of the drawn colours, those with most pixels first."""
    ground: int
    """Number of the background colour, where nothing is drawn."""
    blended: int
    """Number of pixels on blended edges of strokes, which count as not drawn."""


def strokes_of(painted: Int[np.ndarray, "H W"], ground: int | None = None) -> Strokes:
    """The strokes of a painting.

    Args:
        painted: the numbers of its colours.
        ground: the colour where nothing is drawn; `None`: transparent if it occurs, else the most frequent colour.

    Raises:
        DataInvalid: it lacks this ground, or any colour on most of its pixels; or it has too many colours.
    """
    each, counts = (part.tolist() for part in np.unique(painted, return_counts=True))
    pixels = dict(zip(each, counts, strict=True))
    ground = _ground(pixels, painted.size) if ground is None else ground
    if ground not in pixels:
        raise DataInvalid(
            f"it does not contain {named(ground)}", expected=f"the colour where nothing is drawn: {_told(pixels)}"
        )
    blends = _blends(painted, pixels, ground)
    drawn = sorted({*pixels} - blends - {ground}, key=lambda colour: (-pixels[colour], colour))
    if len(drawn) > _MOST:
        raise DataInvalid(
            f"it has {len(pixels):,} colours",
            expected=f"strokes in at most {_MOST} colours on a ground of one colour, or on a transparent one",
            fix="paint on a separate layer with a hard pen, and save only that layer, as PNG",
        )
    labels = np.full(painted.shape, UNLABELED)
    for index, colour in enumerate(drawn):
        labels[painted == colour] = index
    return Strokes(labels, tuple(drawn), ground, sum(pixels[colour] for colour in blends))


def _ground(pixels: dict[int, int], size: int) -> int:
    commonest = max(pixels, key=lambda colour: pixels[colour])
    if TRANSPARENT in pixels:
        return TRANSPARENT
    if 2 * pixels[commonest] <= size:
        raise DataInvalid(
            f"no colour covers most pixels: {_told(pixels)}",
            expected="a ground of one colour where nothing is drawn",
            fix=f'name it, as in --unlabeled "{named(commonest)}"; or, if this is drawn on a photo, paint on a'
            " separate layer and save only that layer, as PNG",
        )
    return commonest


def _blends(painted: Int[np.ndarray, "H W"], pixels: dict[int, int], ground: int) -> set[int]:
    """Colours of soft edges.

    Most of their pixels lie between two others' (`between`), or they are few and beside strokes.
    """
    each, counts = (part.tolist() for part in np.unique(painted[between(_mixable(painted))], return_counts=True))
    soft = {colour for colour, count in zip(each, counts, strict=True) if 2 * count > pixels[colour]} - {ground}
    left = {*pixels} - soft - {ground}
    broad = [colour for colour in left if pixels[colour] > _RARE * max(pixels[each] for each in left)]
    if len(left) > 1000 or len(broad) > _MOST:
        return soft
    beside = np.asarray(ndimage.binary_dilation(np.isin(painted, broad), np.ones((3, 3)), iterations=2))
    away = {*np.unique(painted[np.logical_not(beside)]).tolist()}
    ends = _mixable(np.array([ground, *broad]))
    return soft | {colour for colour in left - {*broad} - away if _mixed(_mixable(np.array(colour)), ends)}


def _mixable(colours: Int[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 4"]:
    """Colours premultiplied by opacity, and the opacity.

    In these coordinates blends lie on a line between the two blended colours.
    """
    rgba = rgba_of(colours).astype(float)
    # Programs mix colours premultiplied by opacity; without that, blends with a transparent ground lie on a curve.
    rgba[..., :3] *= rgba[..., 3:] / 255
    return rgba.round()


def _mixed(rgba: Float[np.ndarray, "4"], ends: Float[np.ndarray, "N 4"]) -> bool:
    """Whether a colour is a blend of two others."""
    ways = ends - ends[:, None]
    squares = (ways**2).sum(2).clip(1)
    fractions = ((rgba - ends[:, None]) * ways).sum(2) / squares
    off = np.abs(ends[:, None] + fractions.clip(0, 1)[..., None] * ways - rgba).max(2)
    return bool((off <= _ROUNDING).any())


def _told(pixels: dict[int, int]) -> str:
    most = sorted(pixels, key=lambda colour: -pixels[colour])
    more = f" and {len(most) - 8:,} more" if len(most) > 8 else ""
    return ", ".join(f"{named(colour)} ({pixels[colour]:,} pixels)" for colour in most[:8]) + more
