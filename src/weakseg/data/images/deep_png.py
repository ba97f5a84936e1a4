"""Sixteen bits a colour from PNGs, of which Pillow hands out the upper eight.

Pillow decodes all of them. Asked for the other order of bytes it hands out the lower eight, and grey with transparency
comes as four single bytes. A camera's twelve bits would else be sixteen shades, and nobody would know.
"""

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}
"""How to ask for the lower bytes, by how Pillow asks for the upper ones."""
_BITS = {"L;2": 2, "L;4": 4}


def packing(image: Image.Image) -> str:
    """How a PNG that is not loaded yet lays its samples, in Pillow's words; empty for any other file."""
    how = image.tile[0][3] if image.format == "PNG" and image.tile else ""  # pyright: ignore[reportAttributeAccessIssue]
    return how if isinstance(how, str) else ""


def is_deep(how: str) -> bool:
    """Whether samples have sixteen bits of which Pillow would leave eight out."""
    return how in _LOWER


def png_bits(how: str) -> int:
    """Bits of a grey sample, up to 8; 8 for any other file."""
    return _BITS.get(how, 8)


def ask_for_lower_bytes(image: Image.Image) -> None:
    """Have an image that is not loaded yet decoded into the bytes that are left out else."""
    codec, extents, offset, how = image.tile[0]  # pyright: ignore[reportAttributeAccessIssue]
    image.tile = [(codec, extents, offset, _LOWER[str(how)])]  # pyright: ignore[reportAttributeAccessIssue]


def joined(
    how: str, upper: UInt8[np.ndarray, "H W _"], lower: UInt8[np.ndarray, "H W _"]
) -> UInt16[np.ndarray, "H W M"]:
    """The numbers of sixteen bits, without transparency.

    Args:
        how: the packing of the file.
        upper: three colours, as Pillow hands them out.
        lower: what it hands out after `ask_for_lower_bytes`.
    """
    if how == "LA;16B":
        upper, lower = lower[:, :, :1], lower[:, :, 1:2]
    return upper.astype(np.uint16) << 8 | lower[:, :, : upper.shape[2]]
