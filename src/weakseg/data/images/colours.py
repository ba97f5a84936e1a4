"""Colours of painted label maps, encoded as numbers.

All of them are larger than any value of a label map. Fully transparent pixels have one number, whatever their colour.
"""

import re
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

_ABOVE = 1 << 32
TRANSPARENT = _ABOVE
"""The number of fully transparent pixels."""
_OPAQUE = 255 << 24


def numbers_of(rgba: UInt8[np.ndarray, "H W 4"]) -> Int[np.ndarray, "H W"]:
    """The number of each pixel's colour."""
    numbers = np.ascontiguousarray(rgba).view("<u4")[:, :, 0].astype(np.int64)
    numbers[rgba[:, :, 3] == 0] = 0
    numbers += _ABOVE
    return numbers


def rgba_of(numbers: Int[np.ndarray, "*N"]) -> UInt8[np.ndarray, "*N 4"]:
    """Red, green, blue and opacity of colour numbers."""
    return np.stack([numbers >> shift & 255 for shift in (0, 8, 16, 24)], axis=-1).astype(np.uint8)


def is_painted(values: Int[np.ndarray, "H W"]) -> bool:
    """Whether a map holds colour numbers instead of values."""
    return int(values.max(initial=0)) >= _ABOVE


def is_colour(value: int) -> bool:
    """Whether a number is that of a colour."""
    return value >= _ABOVE


def named(colour: int) -> str:
    """A colour in text form: `#ff0000` or `transparent`.

    A half transparent colour has two more digits.
    """
    if colour == TRANSPARENT:
        return "transparent"
    red, green, blue, opacity = rgba_of(np.array(colour)).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{opacity:02x}" if opacity < 255 else "")


def written(said: Any) -> str | None:
    """The text form of a colour in `dataset.toml`.

    It is "#rrggbb", "transparent" or a list; `None` if it is not a colour.
    """
    if isinstance(said, list):
        whole = len(said) == 3 and all(type(part) is int and 0 <= part <= 255 for part in said)
        return "#{:02x}{:02x}{:02x}".format(*said) if whole else None
    fits = isinstance(said, str) and re.fullmatch("#[0-9a-f]{6}|transparent", said.lower())
    return said.lower() if fits else None


def number_of(text: str) -> int:
    """The number of a colour from `written`."""
    if text == "transparent":
        return TRANSPARENT
    red, green, blue = bytes.fromhex(text[1:])
    return _ABOVE + _OPAQUE + (blue << 16) + (green << 8) + red
