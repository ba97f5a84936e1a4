"""Predictions of large images by windows: peak memory and CPU time from .3 to 300 megapixels.

    python benchmarks/scale.py 30000

predicts one image of that side. Each is predicted in a process of its own by a network of two convolutions, so that the
time is that of reading, blending and writing.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import nn

from weakseg.evaluation.files.predict_files import predict_files
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes

SIDES = (548, 1732, 5477, 17320)
"""Roots of the pixels."""
TILE = 512
PLACE = ((33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 5e6, 0.0), True))
"""GeoTIFF tags, with which small images too are predicted by windows."""


class Small(nn.Module):
    """Two convolutions, in cells of four pixels."""

    stride = 4

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 5, 4, 2), nn.ReLU(), nn.Conv2d(8, 2, 3, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.layers(image)


def measure() -> Iterator[tuple[str, float, str]]:
    """Rows of all sizes."""
    runs = []
    for side in SIDES:
        said = subprocess.run([sys.executable, __file__, str(side)], check=True, capture_output=True, text=True).stdout
        runs.append(json.loads(said.splitlines()[-1]))
    pixels = np.square(SIDES) / 1e6
    seconds, megabytes = (np.array([run[name] for run in runs]) for name in ("seconds", "megabytes"))
    of = f"{pixels[-1]:.0f} megapixels"
    yield "scale.predict_mb", megabytes[-1], f"MB at most, {of}; {megabytes[0]:.0f} of {pixels[0]:.1f}"
    yield "scale.predict_s_per_megapixel", seconds[-1] / pixels[-1], f"s of CPU time, {of}"
    slope = np.polyfit(np.log(pixels[1:]), np.log(seconds[1:]), 1)[0]
    yield "scale.slope_pixels", slope, f"power of the pixels, CPU time, {pixels[1]:.0f} to {of}"


def predicted(side: int) -> dict[str, float]:
    """Peak memory and CPU time of one image."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.tif"
        noise = np.random.default_rng(0).integers(0, 255, (TILE // 8, TILE // 8, 3), dtype=np.uint8)
        tile, count = noise.repeat(8, axis=0).repeat(8, axis=1), -(-side // TILE)
        how = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "zlib", "metadata": None}
        tiles = (tile for _ in range(count**2))
        tifffile.imwrite(path, tiles, shape=(side, side, 3), dtype="u1", **how, extratags=PLACE)
        began = time.process_time()
        predict_files(Predictor(Small(), Classes(("dark", "bright")), 3), [path], Path(folder) / "out")
        seconds = time.process_time() - began
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(predicted(int(sys.argv[1]))))
