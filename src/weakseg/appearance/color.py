"""Colours with perceptually uniform distances."""

import numpy as np
from jaxtyping import Float, Float32

_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Matrix from linear sRGB to XYZ, white being D65."""


def perceived(image: Float[np.ndarray, "M H W"]) -> Float32[np.ndarray, "n M"]:
    """Colour of each pixel, with black-white distance 1.

    Pixels are in row order.

    Three channels are taken for sRGB and become CIELAB / 100; other numbers of channels stay what they are, and
    distances are means over them, so that copies of a channel change nothing.
    """
    channels = image.reshape(len(image), -1)
    colors = _lab(channels) if len(image) == 3 else channels.T / np.sqrt(len(image))
    return np.ascontiguousarray(colors, np.float32)


def _lab(rgb: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, "n 3"]:
    """CIELAB / 100 of sRGB in [0, 1].

    IEC 61966-2-1 and CIE 15.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    # Divided by the white point, so that white has L = 1 and a = b = 0 exactly.
    x, y, z = (_XYZ / _XYZ.sum(1, keepdims=True)) @ linear
    x, y, z = (np.where(v > (6 / 29) ** 3, np.cbrt(v), v / (3 * (6 / 29) ** 2) + 4 / 29) for v in (x, y, z))
    return np.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], axis=1)
