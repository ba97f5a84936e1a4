"""The numbers in an image's file, and the range of them that becomes 0 to 1.

Eight bits are always divided by 255. Of more bits, cameras use a part, which `range` in dataset.toml declares.
"""

from dataclasses import dataclass
from math import ceil, isqrt
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from weakseg.data.images.nodata import nodata_like
from weakseg.errors import DataInvalid

Range = tuple[int | float, int | float]
"""The numbers that stand for 0 and for 1."""

FORMATS: dict[str, Range] = {"uint16": (0, 65535), "float16": (0, 1), "float32": (0, 1), "float64": (0, 1)}
"""What is divided by where nothing is declared; images of other kinds then cannot be read."""
_CAMERAS = (8, 10, 12, 14)
"""Bits that are stored in sixteen."""
_FAR = 1e30
LEAST_USED = 1 / 4
"""Share of a range below which an image set uses too little of it."""
_RARE = 1 / 1000
"""Share of an image's numbers, at either end, that may be of damaged pixels."""
_SIDE = 1024
"""About how many rows and columns are looked at for rare numbers."""


@dataclass(frozen=True)
class Held:
    """The numbers that a file of more than eight bits holds."""

    dtype: str
    low: int | float
    """The lowest of them."""
    high: int | float
    """The highest of them."""
    dark: int | float
    """The lowest that is neither rare, as of a dead pixel, nor a margin of zeros."""
    bright: int | float
    """The highest that is not rare, as of a hot pixel."""


def require_range(range: Range) -> None:
    """Raise `DataInvalid` unless nothing is divided by that is 0, below, or beyond float32."""
    low, high = range
    if not (-_FAR < low < high < _FAR and high - low > 1 / _FAR):
        raise DataInvalid(written(range), expected="two numbers, the lower one first, such as [0, 4095]")


def held_by(values: Shaped[np.ndarray, "H W M"]) -> Held | None:
    """The extremes of an image's numbers; `None` of eight bits or fewer, which say nothing of a camera."""
    if is_eight_bits(values) or values.dtype.kind not in "uif" or not values.size:
        return None
    # Of floating point the shortest decimals, for people to write down.
    number = int if values.dtype.kind in "ui" else lambda value: float(str(value))
    return Held(values.dtype.name, *map(number, (values.min(), values.max(), *_usual(values))))


def _usual(values: Shaped[np.ndarray, "H W M"]) -> tuple[np.generic, np.generic]:
    """The extremes without the rarest numbers, and without zeros that fill less than half of the image."""
    step = max(1, isqrt(values.shape[0] * values.shape[1]) // _SIDE)
    some = values[::step, ::step].ravel()
    # A dark scene may be 0 for the greater part, and a margin that a warp or mosaic left is the lesser part.
    filled = some[some != 0]
    some = filled if 2 * filled.size > some.size else some
    rare = min(ceil(_RARE * (some.size - 1)), (some.size - 1) // 2)
    ordered = np.partition(some, (rare, some.size - 1 - rare))
    return ordered[rare], ordered[some.size - 1 - rare]


def is_eight_bits(values: Shaped[np.ndarray, "H W M"]) -> bool:
    """Whether these are eight bits without a sign, or one."""
    return values.dtype in (np.uint8, np.bool_)


def require_known(path: Path, values: Shaped[np.ndarray, "H W M"], held: Held | None, range: Range | None) -> None:
    """Raise `DataInvalid` where nobody knows which numbers of a file would be 0 and 1."""
    if not (is_eight_bits(values) if held is None else _is_known(held, range)):
        raise _range_unknown(path, values)


def _is_known(held: Held, range: Range | None) -> bool:
    if not (np.isfinite(held.low) and np.isfinite(held.high)):
        return False
    usual = FORMATS.get(held.dtype)
    return range is not None or usual is not None and usual[0] <= held.low and held.high <= usual[1]


def _range_unknown(path: Path, values: Shaped[np.ndarray, "H W M"]) -> DataInvalid:
    """The error of an image whose values cannot be brought to [0, 1] without being told how."""
    expected = "8 or 16 bits without a sign, floating point in [0, 1], or a range that is declared"
    strange = ~np.isfinite(values).all(axis=2) if values.dtype.kind == "f" else np.zeros(1, bool)
    if strange.any():
        saved = "save the image with a number there, `numpy.nan_to_num(values, posinf=0, neginf=0)`"
        empty = "where nan means no data, write `nodata = nan` into dataset.toml, above any table; else "
        fix = saved if np.isinf(values).any() else f"{empty}{saved}"
        numbers = values[np.isfinite(values)] if not strange.all() else values
        found = f"{path} holds {values.dtype} values from {numbers.min()} to {numbers.max()}"
        return DataInvalid(f"{found}, and nan or infinity at {strange.sum()} pixels", expected=expected, fix=fix)
    fix = (
        "write `range = [low, high]` into dataset.toml, or give it to `weakseg solve` as --range: the values that shall"
        " become 0 and 1, the same for all images"
    )
    if mark := nodata_like(values):
        fix = f"if {mark} means no data, write `nodata = {mark}` into dataset.toml, above any table; else {fix}"
    found = f"{path} holds {values.dtype} values from {values.min()} to {values.max()}"
    return DataInvalid(found, expected=expected, fix=fix)


def scaled(values: Shaped[np.ndarray, "H W M"], range: Range | None) -> Float[np.ndarray, "M H W"]:
    """An image's numbers as float32 in [0, 1], channels first: always a copy, for what was read may be read-only.

    Args:
        values: of a file.
        range: what was declared of it; `None` where nothing was.
    """
    channels = np.moveaxis(values, -1, 0)
    if is_eight_bits(values):
        low, high = 0, 255 if values.dtype == np.uint8 else 1
    else:
        low, high = range or FORMATS[values.dtype.name]
    if values.dtype.itemsize > 2 and low != 0:
        # Float32 has no room for small differences of large numbers.
        channels, low, high = np.subtract(channels, low, dtype=np.float64), 0, high - low
    image = np.array(channels, dtype=np.float32, order="C")
    # In place, for large images.
    if low != 0:
        image -= np.float32(low)
    if high - low != 1:
        image /= np.float32(high - low)
    if range is not None:
        np.clip(image, 0, 1, out=image)
    return image


def used(low: int | float, high: int | float, of: Range) -> float:
    """The share of a range that lies between two numbers."""
    return (high - low) / (of[1] - of[0])


def fitting(low: int | float, high: int | float) -> Range:
    """A range for images that hold these extremes: that of a camera's bits, else the extremes themselves."""
    if isinstance(high, int):
        top = next((2**bits - 1 for bits in _CAMERAS if high < 2**bits), 0)
        if 0 <= low < top / 2 and used(low, high, (0, top)) >= LEAST_USED:
            return 0, top
    return low, high


def written(range: Range) -> str:
    """A range as dataset.toml has it."""
    return f"range = [{range[0]}, {range[1]}]"
