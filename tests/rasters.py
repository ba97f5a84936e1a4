"""Large images of every layout, written for tests."""

from pathlib import Path

import numpy as np
import tifffile

UTM = (
    (33550, 12, 3, (0.5, 0.5, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0), True),
    (34735, 3, 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633), True),
)
"""Tags of half a metre a pixel in zone 33N of UTM."""


def scene(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth blobs with a little noise: (H, W, M) of eight bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    planes = [
        120 + 90 * np.sin(y / rng.uniform(9, 30) + 3 * rng.random()) * np.cos(x / rng.uniform(9, 30))
        for _ in range(channels)
    ]
    noisy = np.stack(planes, axis=-1) + rng.normal(0, 8, (height, width, channels))
    return noisy.clip(0, 255).astype(np.uint8)


def write(path: Path, values: np.ndarray, **how) -> Path:
    """A TIFF of some layout."""
    kind = {"photometric": "rgb" if values.ndim == 3 and values.shape[-1] >= 3 else "minisblack"}
    tifffile.imwrite(path, values, **{"metadata": None, **kind, **how})
    return path
