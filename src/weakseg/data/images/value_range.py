"""Value ranges of image files, and their scaling to [0, 1].

Eight bits are always divided by 255. With more bits, cameras use a part of the range, which `range` in dataset.toml
declares.
"""

from dataclasses import dataclass
from math import ceil, isqrt
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from weakseg.arrays.kinds import REAL, WHOLE
from weakseg.data.images.nodata import nodata_like
from weakseg.errors import DataInvalid

Range = tuple[int | float, int | float]
"""The values that become 0 and 1."""

FORMATS: dict[str, Range] = {"uint16": (0, 65535), "float16": (0, 1), "float32": (0, 1), "float64": (0, 1)}
"""Ranges where none is declared; images of other types then cannot be read."""
_CAMERAS = (8, 10, 12, 14)
"""Bits of cameras that store sixteen."""
_FAR = 1e30
LEAST_USED = 1 / 4
"""Smallest fraction of a range that an image set should use."""
_RARE = 1 / 1000
"""Fraction of an image's values, at either end, that may come from damaged pixels."""
_SIDE = 1024
"""Approximate number of rows and columns that are sampled for rare values."""


@dataclass(frozen=True)
class Held:
    """The extreme values of a file of more than eight bits."""

    dtype: str
    low: int | float
    """The lowest value."""
    high: int | float
    """The highest value."""
    dark: int | float
    """The lowest value that is neither rare, as from a dead pixel, nor part of a margin of zeros."""
    bright: int | float
    """The highest value that is not rare, as from a hot pixel."""


def require_range(range: Range) -> None:
    """Raise `DataInvalid` unless a range can be divided by."""
    low, high = range
    if not (-_FAR < low < high < _FAR and high - low > 1 / _FAR):
        raise DataInvalid(written(range), expected="two numbers, the lower one first, such as [0, 4095]")


def held_by(values: Shaped[np.ndarray, "H W M"]) -> Held | None:
    """The extremes of an image's values.

    `None` for eight bits or fewer, which say nothing about a camera.
    """
    if is_eight_bits(values) or values.dtype.kind not in REAL - {"b"} or not values.size:
        return None
    # Floating point values become the shortest decimals, which users can copy.
    number = int if values.dtype.kind in WHOLE else lambda value: float(str(value))
    return Held(values.dtype.name, *map(number, (values.min(), values.max(), *_usual(values))))


def _usual(values: Shaped[np.ndarray, "H W M"]) -> tuple[np.generic, np.generic]:
    """The extremes without the rarest values.

    Zeros that fill less than half of the image are left out too.
    """
    step = max(1, isqrt(values.shape[0] * values.shape[1]) // _SIDE)
    # A sample: the extremes without the rarest thousandth need no more.
    some = values[::step, ::step].ravel()
    # A dark scene may be mostly 0, while a margin left by a warp or mosaic is the smaller part.
    filled = some[some != 0]
    some = filled if 2 * filled.size > some.size else some
    rare = min(ceil(_RARE * (some.size - 1)), (some.size - 1) // 2)
    ordered = np.partition(some, (rare, some.size - 1 - rare))
    return ordered[rare], ordered[some.size - 1 - rare]


def is_eight_bits(values: Shaped[np.ndarray, "H W M"]) -> bool:
    """Whether values have eight unsigned bits, or one."""
    return values.dtype in (np.uint8, np.bool_)


def require_known(path: Path, values: Shaped[np.ndarray, "H W M"], held: Held | None, range: Range | None) -> None:
    """Raise `DataInvalid` if a file's value range is unknown."""
    if not (is_eight_bits(values) if held is None else _is_known(held, range)):
        raise _range_unknown(path, values)


def _is_known(held: Held, range: Range | None) -> bool:
    if not (np.isfinite(held.low) and np.isfinite(held.high)):
        return False
    usual = FORMATS.get(held.dtype)
    return range is not None or usual is not None and usual[0] <= held.low and held.high <= usual[1]


def _range_unknown(path: Path, values: Shaped[np.ndarray, "H W M"]) -> DataInvalid:
    """The error for an image whose range must be declared."""
    expected = "8 or 16 unsigned bits, floating point in [0, 1], or a declared range"
    if values.dtype.kind not in REAL:
        saved = "`tifffile.imwrite(name, numpy.abs(values).astype(numpy.float32))`, then declare their range"
        fix = f"save real numbers instead, such as the magnitudes: {saved}"
        return DataInvalid(f"{path} holds {values.dtype} values", expected=expected, fix=fix)
    strange = ~np.isfinite(values).all(axis=2) if np.issubdtype(values.dtype, np.floating) else np.zeros(1, bool)
    if strange.any():
        saved = "save the image with a number there: `numpy.nan_to_num(values, posinf=0, neginf=0)`"
        empty = "if nan means no data, write `nodata = nan` into dataset.toml, above any table; otherwise "
        fix = saved if np.isinf(values).any() else f"{empty}{saved}"
        numbers = values[np.isfinite(values)] if not strange.all() else values
        found = f"{path} holds {values.dtype} values from {numbers.min()} to {numbers.max()}"
        return DataInvalid(f"{found}, and nan or infinity at {strange.sum()} pixels", expected=expected, fix=fix)
    fix = (
        "write `range = [low, high]` into dataset.toml, or use --range with `weakseg solve`: the values that become 0"
        " and 1, the same for all images"
    )
    if mark := nodata_like(values):
        fix = f"if {mark} means no data, write `nodata = {mark}` into dataset.toml, above any table; otherwise {fix}"
    found = f"{path} holds {values.dtype} values from {values.min()} to {values.max()}"
    return DataInvalid(found, expected=expected, fix=fix)


def scaled(values: Shaped[np.ndarray, "H W M"], range: Range | None) -> Float[np.ndarray, "M H W"]:
    """An image as float32 in [0, 1], channels first.

    Always a copy, because the array that was read may be read-only.

    Args:
        values: the values in a file.
        range: the declared range, if any.
    """
    channels = values.transpose(2, 0, 1)
    if is_eight_bits(values):
        low, high = 0, 255 if values.dtype == np.uint8 else 1
    else:
        low, high = range or FORMATS[values.dtype.name]
    if values.dtype.itemsize > 2 and low != 0:
        # float32 cannot represent small differences of large numbers.
        channels, low, high = np.subtract(channels, low, dtype=np.float64), 0, high - low
    image = np.array(channels, dtype=np.float32, order="C")
    # In place, to save memory with large images.
    if low != 0:
        image -= np.float32(low)
    if high - low != 1:
        image /= np.float32(high - low)
    if range is not None:
        np.clip(image, 0, 1, out=image)
    return image


def used(low: int | float, high: int | float, of: Range) -> float:
    """The fraction of a range between two values."""
    return (high - low) / (of[1] - of[0])


def fitting(low: int | float, high: int | float) -> Range:
    """A range that suits images with these extremes.

    That of a camera's bits if one fits, else the extremes themselves.
    """
    if isinstance(high, int):
        top = next((2**bits - 1 for bits in _CAMERAS if high < 2**bits), 0)
        if 0 <= low < top / 2 and used(low, high, (0, top)) >= LEAST_USED:
            return 0, top
    return low, high


def written(range: Range) -> str:
    """A range as it is written in dataset.toml."""
    return f"range = [{range[0]}, {range[1]}]"
