"""PNGs of sixteen bits per channel, at full precision.

Pillow decodes all sixteen bits but returns the upper eight. Asked for the other byte order it returns the lower eight,
and grey with transparency comes as four single bytes. Otherwise a camera's twelve bits would silently become sixteen
shades.
"""

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}
"""Pillow's mode for the lower bytes, by its mode for the upper ones."""
_BITS = {"L;2": 2, "L;4": 4}


def packing(image: Image.Image) -> str:
    """The sample layout of a PNG, in Pillow's terms.

    The image must not be loaded yet; empty for any other file.
    """
    how = image.tile[0][3] if isinstance(image, PngImageFile) and image.tile else ""
    return how if isinstance(how, str) else ""


def is_deep(how: str) -> bool:
    """Whether Pillow would drop eight of sixteen bits."""
    return how in _LOWER


def png_bits(how: str) -> int:
    """Bits of a grey sample, at most 8.

    8 for any other file.
    """
    return _BITS.get(how, 8)


def ask_for_lower_bytes(image: Image.Image) -> None:
    """Make Pillow decode the bytes that it usually drops.

    The image must not be loaded yet.
    """
    codec, extents, offset, how = image.tile[0]  # pyright: ignore[reportAttributeAccessIssue]
    image.tile = [(codec, extents, offset, _LOWER[str(how)])]  # pyright: ignore[reportAttributeAccessIssue]


def joined(
    how: str, upper: UInt8[np.ndarray, "H W _"], lower: UInt8[np.ndarray, "H W _"]
) -> UInt16[np.ndarray, "H W M"]:
    """The values of sixteen bits, without transparency.

    Args:
        how: the packing of the file.
        upper: three channels, as Pillow returns them.
        lower: the channels that it returns after `ask_for_lower_bytes`.
    """
    if how == "LA;16B":
        upper, lower = lower[:, :, :1], lower[:, :, 1:2]
    return upper.astype(np.uint16) << 8 | lower[:, :, : upper.shape[2]]
