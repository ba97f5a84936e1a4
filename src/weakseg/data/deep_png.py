"""Sixteen bits a colour from PNGs, of which Pillow hands out the upper eight.

Pillow decodes all of them. Asked for the other order of bytes it hands out the lower eight, and grey with transparency
comes as four single bytes. A camera's twelve bits would else be sixteen shades, and nobody would know.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

from weakseg.regular_file import open_regular

_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}
"""How to ask for the lower bytes, by how Pillow asks for the upper ones."""
_COLOUR, _GREY_AND_ALPHA, _COLOUR_AND_ALPHA = 2, 4, 6
"""Types of PNG that have several numbers a pixel."""


def is_deep(path: Path) -> bool:
    """Whether this is a PNG of sixteen bits of which Pillow would leave eight out."""
    bits, kind = _head(path)
    return bits == 16 and kind in (_COLOUR, _GREY_AND_ALPHA, _COLOUR_AND_ALPHA)


def png_bits(path: Path) -> int:
    """Bits a sample of a PNG, up to 8; 8 for any other file."""
    return min(_head(path)[0], 8)


def ask_for_lower_bytes(picture: Image.Image) -> None:
    """Have an image that is not loaded yet decoded into the bytes that are left out else."""
    codec, extents, offset, packing = picture.tile[0]  # pyright: ignore[reportAttributeAccessIssue]
    picture.tile = [(codec, extents, offset, _LOWER[str(packing)])]  # pyright: ignore[reportAttributeAccessIssue]


def joined(
    path: Path, upper: UInt8[np.ndarray, "H W _"], lower: UInt8[np.ndarray, "H W _"]
) -> UInt16[np.ndarray, "H W M"]:
    """The numbers of sixteen bits, without transparency.

    Args:
        path: the file.
        upper: three colours, as Pillow hands them out.
        lower: what it hands out after `ask_for_lower_bytes`.
    """
    if _head(path)[1] == _GREY_AND_ALPHA:
        upper, lower = lower[:, :, :1], lower[:, :, 1:2]
    return upper.astype(np.uint16) << 8 | lower[:, :, : upper.shape[2]]


def _head(path: Path) -> tuple[int, int]:
    """Bits a sample and colour type of a PNG; 8 and 0 for any other file."""
    with open_regular(path) as file:
        head = file.read(26)
    return (head[24], head[25]) if len(head) == 26 and head.startswith(b"\x89PNG") else (8, 0)
