"""Pixels of an image that hold no data: beyond the outline of a flight, or where a sensor saw nothing.

`nodata` in dataset.toml says how files mark them. They are not valid, like void, so that nothing is learnt or judged
there; their values become the mean of all others, so that no edge is seen.
"""

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped
from PIL import Image

from weakseg.finding import Finding, some
from weakseg.types import UNLABELED

TRANSPARENT = "transparent"
A_MARK = 'a number such as -9999, nan, "transparent", or "" for none'


def as_text(said: Any) -> str | None:
    """`nodata` of dataset.toml: "", "transparent", "nan" or a number; `None` where it is none of them."""
    if isinstance(said, bool) or not isinstance(said, (str, int, float)):
        return None
    text = str(said)
    try:
        return text if text in ("", TRANSPARENT) else str(float(text) if not isinstance(said, int) else said)
    except ValueError:
        return None


def opacity_of(image: Image.Image) -> Shaped[np.ndarray, "H W 1"] | None:
    """How opaque each pixel of an image that Pillow has opened is; `None` where it has no transparency."""
    if not image.has_transparency_data:
        return None
    return np.asarray(image.convert("RGBA").getchannel("A"))[:, :, None]


def clear_in(
    values: Shaped[np.ndarray, "H W M"], opacity: Shaped[np.ndarray, "H W 1"] | None
) -> Bool[np.ndarray, "H W"]:
    """Where an image is fully transparent."""
    return np.zeros(values.shape[:2], bool) if opacity is None else opacity[:, :, 0] == 0


def without_data(values: Shaped[np.ndarray, "H W M"], nodata: str) -> Bool[np.ndarray, "H W"]:
    """Where a number of a file means no data: in every channel, or nan in any."""
    number = float(nodata)
    if isnan(number):
        return np.asarray(np.isnan(values).any(axis=2))
    return np.asarray((values == number).all(axis=2))


def emptied(
    values: Shaped[np.ndarray, "H W M"], clear: Bool[np.ndarray, "H W"], nodata: str
) -> tuple[Shaped[np.ndarray, "H W M"], Bool[np.ndarray, "H W"] | None]:
    """The image with its mean where it holds no data, and where that is; `None` where it holds some everywhere.

    Args:
        values: as the file holds them.
        clear: where it is fully transparent.
        nodata: what marks pixels without data; empty: nothing does.
    """
    if not nodata:
        return values, None
    empty = clear if nodata == TRANSPARENT else without_data(values, nodata)
    return (filled(values, empty), empty) if empty.any() else (values, None)


def voided(labels: Int[np.ndarray, "H W"], empty: Bool[np.ndarray, "H W"] | None) -> Int[np.ndarray, "H W"]:
    """The labels of an image, `UNLABELED` where it holds no data."""
    return labels if empty is None else np.where(empty, UNLABELED, labels)


def filled(values: Shaped[np.ndarray, "H W M"], empty: Bool[np.ndarray, "H W"]) -> Shaped[np.ndarray, "H W M"]:
    """The image with its mean where it holds no data; with 0 where it holds none at all."""
    mean = values[~empty].mean(axis=0, dtype=np.float64) if not empty.all() else np.zeros(values.shape[2])
    copy = values.copy()
    copy[empty] = (mean if values.dtype.kind == "f" else mean.round()).astype(values.dtype)
    return copy


def nodata_like(values: Shaped[np.ndarray, "H W M"]) -> str:
    """The number below 0 that seems to mean no data: a step below all others; empty where there is none."""
    low = values.min()
    others = values[(values != low).all(axis=2)] if low < 0 else values[:0]
    return str(low) if others.size and others.min() - low > others.max() - others.min() else ""


def findings_of_transparency(images: Path, clear: Mapping[str, float], nodata: str) -> list[Finding]:
    """A remark about transparent pixels that are read as if they were opaque.

    Args:
        images: the folder.
        clear: share of each image that is fully transparent, by key.
        nodata: what is declared.
    """
    names = [key for key, share in clear.items() if share]
    if not names or nodata == TRANSPARENT:
        return []
    largest = max(clear.values())
    who = f"{len(names)} of {len(clear)} images hold transparent pixels"
    text = f"{who}, up to {largest:.1%} of one, and what lies under them is learnt from: {some(names)}"
    if nodata:
        fix = f"they are none that `nodata = {nodata}` means; save these images without transparency"
    else:
        fix = f'if they hold no data, write `nodata = "{TRANSPARENT}"` into dataset.toml, above any table'
    return [Finding(images, text, "", fix, tuple(names), remark=True)]
