"""A folder of generated scenes to try the studio on."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from weakseg.data.overlay import as_rgb
from weakseg.data.scenes import Scenes
from weakseg.errors import WriteRefused

_SCENES, _ENLARGED = 24, 4


def demo_folder(tell: Callable[[str], None]) -> Path:
    """A new temporary folder of images and classes.

    Raises:
        WriteRefused: it cannot be made.
    """
    samples = Scenes(_SCENES, seed=0)
    try:
        root = Path(tempfile.mkdtemp(prefix="weakseg-studio-"))
        (root / "images").mkdir()
        (root / "classes.txt").write_text("".join(f"{name}\n" for name in samples.classes.names), encoding="utf-8")
        for index in range(_SCENES):
            picture = Image.fromarray(as_rgb(samples[index].image))
            size = picture.width * _ENLARGED, picture.height * _ENLARGED
            picture.resize(size, Image.Resampling.BICUBIC).save(root / "images" / f"scene{index:02}.png")
    except OSError as error:
        found = f"no temporary folder can be made: {error.strerror}"
        raise WriteRefused(found, fix="free some space, or set TMPDIR") from error
    tell(f"{_SCENES} generated scenes are in {root}")
    return root


def leave(root: Path, tell: Callable[[str], None]) -> None:
    """Remove a folder in which nothing was drawn; say where the other is."""
    if (root / "studio" / "journal.jsonl").exists():
        tell(f"what you drew is kept in {root}: weakseg studio {root} goes on, and you can remove it")
    else:
        shutil.rmtree(root, ignore_errors=True)
        tell(f"nothing was drawn: {root} is removed")
