"""Pixels without data, such as beyond a flight's outline.

`nodata` in dataset.toml declares how files mark them. Like void pixels they are not valid, so that nothing is learnt or
evaluated there; their values become the mean of all others, so that no edge is visible.
"""

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped
from PIL import Image

from weakseg.classes import UNLABELED
from weakseg.finding import Finding, some

TRANSPARENT = "transparent"
A_MARK = 'a number such as -9999, nan, "transparent", or "" for none'


def as_text(said: Any) -> str | None:
    """The text form of `nodata` in dataset.toml.

    It is "", "transparent", "nan" or a number; `None` if it is invalid.
    """
    if isinstance(said, bool) or not isinstance(said, (str, int, float)):
        return None
    text = str(said)
    try:
        return text if text in ("", TRANSPARENT) else str(float(text) if not isinstance(said, int) else said)
    except ValueError:
        return None


def opacity_of(image: Image.Image) -> Shaped[np.ndarray, "H W 1"] | None:
    """The opacity of each pixel of an opened image.

    `None` if it has no transparency.
    """
    if not image.has_transparency_data:
        return None
    return np.asarray(image.convert("RGBA").getchannel("A"))[:, :, None]


def clear_in(
    values: Shaped[np.ndarray, "H W M"], opacity: Shaped[np.ndarray, "H W 1"] | None
) -> Bool[np.ndarray, "H W"]:
    """Mask of the fully transparent pixels."""
    return np.zeros(values.shape[:2], bool) if opacity is None else opacity[:, :, 0] == 0


def without_data(values: Shaped[np.ndarray, "H W M"], nodata: str) -> Bool[np.ndarray, "H W"]:
    """Mask of pixels with the number that means no data.

    The number must be in every channel; nan in any channel suffices.
    """
    number = float(nodata)
    if isnan(number):
        return np.asarray(np.isnan(values).any(axis=2))
    # In all channels: a single channel may hold that number as data.
    return np.asarray((values == number).all(axis=2))


def emptied(
    values: Shaped[np.ndarray, "H W M"], clear: Bool[np.ndarray, "H W"], nodata: str
) -> tuple[Shaped[np.ndarray, "H W M"], Bool[np.ndarray, "H W"] | None]:
    """The image with its empty pixels filled, and their mask.

    The mask is `None` if every pixel has data.

    Args:
        values: the values in the file.
        clear: mask of fully transparent pixels.
        nodata: marker of pixels without data; empty if there is none.
    """
    if not nodata:
        return values, None
    empty = clear if nodata == TRANSPARENT else without_data(values, nodata)
    return (filled(values, empty), empty) if empty.any() else (values, None)


def voided(labels: Int[np.ndarray, "H W"], empty: Bool[np.ndarray, "H W"] | None) -> Int[np.ndarray, "H W"]:
    """The labels of an image, `UNLABELED` where it has no data."""
    return labels if empty is None else np.where(empty, UNLABELED, labels)


def filled(values: Shaped[np.ndarray, "H W M"], empty: Bool[np.ndarray, "H W"]) -> Shaped[np.ndarray, "H W M"]:
    """The image with its mean where it has no data.

    0 if it has no data at all.
    """
    # In float64: a sum of millions of 16-bit values overflows the type's own.
    mean = values[~empty].mean(axis=0, dtype=np.float64) if not empty.all() else np.zeros(values.shape[2])
    copy = values.copy()
    copy[empty] = (mean if np.issubdtype(values.dtype, np.floating) else mean.round()).astype(values.dtype)
    return copy


def nodata_like(values: Shaped[np.ndarray, "H W M"]) -> str:
    """A negative number that seems to mean no data.

    It lies a large step below all others; empty if there is none.
    """
    low = values.min()
    others = values[(values != low).all(axis=2)] if low < 0 else values[:0]
    return str(low) if others.size and others.min() - low > others.max() - others.min() else ""


def findings_of_transparency(images: Path, clear: Mapping[str, float], nodata: str) -> list[Finding]:
    """A remark about transparent pixels that are read as opaque.

    Args:
        images: the folder.
        clear: fully transparent fraction of each image, by key.
        nodata: the declared marker.
    """
    names = [key for key, share in clear.items() if share]
    if not names or nodata == TRANSPARENT:
        return []
    largest = max(clear.values())
    who = f"{len(names)} of {len(clear)} images have transparent pixels"
    text = f"{who}, up to {largest:.1%} of an image, and the colours under them are used for training: {some(names)}"
    if nodata:
        fix = f"`nodata = {nodata}` does not cover them; save these images without transparency"
    else:
        fix = f'if these pixels have no data, write `nodata = "{TRANSPARENT}"` into dataset.toml, above any table'
    return [Finding(images, text, "", fix, tuple(names), remark=True)]
