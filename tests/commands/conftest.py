"""The command line as a person meets it: words in, exit code and text out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from weakseg import cli


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def weakseg(monkeypatch, capsys, short_epochs):
    """Run `weakseg WORDS...` in this process."""

    def run(*words) -> Said:
        monkeypatch.setattr("sys.argv", ["weakseg", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def hearts(tmp_path) -> Path:
    """A small data folder: twelve grey images with masks and scribbles, two splits."""
    root = tmp_path / "hearts"
    for name in ("images", "masks", "scribbles", "splits"):
        (root / name).mkdir(parents=True)
    (root / "classes.txt").write_text("background\nheart\n")
    generator = np.random.default_rng(0)
    keys = [f"slice{i:02d}" for i in range(12)]
    for key in keys:
        top, left = generator.integers(4, 30, 2)
        mask = np.zeros((64, 64), np.uint8)
        mask[top : top + 24, left : left + 24] = 1
        scribbles = np.full((64, 64), 255, np.uint8)
        scribbles[top + 10 : top + 13, left + 4 : left + 20] = 1
        scribbles[1:3, 2:60] = 0
        image = (60 + 120 * mask + generator.normal(0, 10, mask.shape)).clip(0, 255).astype(np.uint8)
        for folder, pixels in (("images", image), ("masks", mask), ("scribbles", scribbles)):
            Image.fromarray(pixels).save(root / folder / f"{key}.png")
    (root / "splits" / "train.txt").write_text("\n".join(keys[:8]))
    (root / "splits" / "val.txt").write_text("\n".join(keys[8:]))
    return root
