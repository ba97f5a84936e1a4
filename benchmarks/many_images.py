"""How time and memory grow with the number of images.

    python benchmarks/many_images.py 500 5000 50000

CPU time and memory beyond the start, each in a process of its own. Images have 8 x 8 pixels, scribbles and tags; one in
ten is for validation and has a mask.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.recipe.default import choose

TASKS: dict[str, Callable[[str], object]] = {
    "check": check,
    "list of keys": lambda data: Folder(data, "train").keys,
    "first sample": lambda data: Folder(data, "train")[0],
    "recipe": lambda data: choose(data, "unet"),
}


def make(folder: Path, images: int) -> None:
    """A data folder without a problem."""
    for name in ("images", "scribbles", "masks", "splits"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("background\ncell\n")
    rng, keys = np.random.default_rng(0), [f"p{number:06d}" for number in range(images)]
    for number, key in enumerate(keys):
        mask, scribbles = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)
        top, left = rng.integers(0, 5, 2)
        mask[top : top + 3, left : left + 3] = 1
        scribbles[top + 1, left : left + 3] = 1
        scribbles[(top + 5) % 8] = np.where(mask[(top + 5) % 8] == 0, 0, 255)
        image = rng.integers(40, 100, (8, 8)) + 120 * mask
        for name, pixels in (("images", image), ("scribbles", scribbles), ("masks", mask)):
            if name != "masks" or number % 10 == 0:
                Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{key}.png", compress_level=1)
    (folder / "tags.csv").write_text("\n".join(["image,present,absent", *(f"{key},cell," for key in keys)]))
    (folder / "splits" / "val.txt").write_text("\n".join(keys[::10]))


def measured(task: str, data: str) -> None:
    """Print what one task takes."""
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    TASKS[task](data)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{task}: {time.process_time() - started:.2f} s, {memory:.0f} MB", flush=True)


if __name__ == "__main__":
    if sys.argv[1] in TASKS:
        measured(*sys.argv[1:])
        sys.exit()
    for images in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "data", images)
            print(f"{images:,} images", flush=True)
            for task in TASKS:
                subprocess.run([sys.executable, __file__, task, str(Path(folder) / "data")], check=True)
