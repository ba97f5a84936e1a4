"""From nothing to a trained network in ten minutes, on the studio's page: `python docs/studio_walk.py OUT_FOLDER`.

Chromium is driven as a hand would: a class by its key, a stroke along each thing of 20 generated scenes, D for done;
then epochs, Train, and Stop if it is not finished in time. A pause before each stroke stands for the eye and the hand.
It prints when what happened, and the IoU on the demonstration's other scenes; two pictures go to OUT_FOLDER.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from weakseg.data.images.image_file import read_image
from weakseg.data.scenes import Scenes
from weakseg.runs.run import open_run

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from chromium import Tab  # pyright: ignore[reportMissingImports]

IMAGES, SCALE, HAND_S, EPOCHS, LIMIT_S = 20, 4, 2.0, 10, 590
SCENES = Scenes(24, seed=0)
"""Those of `weakseg studio --demo`, which enlarges them by `SCALE`."""
STAGE, TRAINED = "document.getElementById('stage').dataset", "document.getElementById('trained').textContent"


def truth(number: int) -> np.ndarray:
    """The true classes of a scene."""
    found = SCENES[number].truth
    assert found is not None
    return found


def stroke(number: int, label: int) -> list[tuple[float, float]]:
    """The middle half of the longest row of a class, as fractions of the image."""
    best, mask = (0, 0, 0), truth(number) == label
    for row, inside in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]]).astype(int)))
        best = max([best, *((stop - start, row, start) for start, stop in edges.reshape(-1, 2).tolist())])
    length, row, start = best
    return [((start + share * length) / mask.shape[1], (row + 0.5) / mask.shape[0]) for share in (0.25, 0.5, 0.75)]


def on_page(tab: Tab, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places on the page of an image that fits it."""
    rect = "(r => [r.left, r.top, r.width, r.height])(document.getElementById('canvas').getBoundingClientRect())"
    left, top, width, height = tab.value(rect)
    rows, columns = (SCALE * side for side in truth(0).shape)
    scale = 0.96 * min(width / columns, height / rows)
    wide, high = columns * scale, rows * scale
    return [(left + (width - wide) / 2 + x * wide, top + (height - high) / 2 + y * high) for x, y in points]


def draw(tab: Tab) -> tuple[int, int]:
    """A stroke on each class of the image that is open; its number and the number of strokes."""
    number = int(tab.value(f"{STAGE}.image"))
    labels = np.unique(truth(number)).tolist()
    for label in labels:
        time.sleep(HAND_S)
        tab.key(str(label + 1))
        tab.drag(*on_page(tab, stroke(number, label)))
    tab.wait(f"{STAGE}.revision === '{len(labels)}'")
    tab.wait(f"{STAGE}.solved?.endsWith('{len(labels)} fine')", 120)
    return number, len(labels)


def picture(tab: Tab, path: Path) -> None:
    """What is seen now, in 256 colours; the octree keeps those of the classes."""
    time.sleep(0.5)
    tab.screenshot(path)
    with Image.open(path) as seen:
        few = seen.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def score(root: Path, numbers: list[int]) -> float:
    """The mean IoU of the newest run on scenes that were not drawn on."""
    network, count = open_run(root / "studio" / "runs" / "1").predictor(which="last"), len(SCENES.classes)
    table = np.zeros((count, count), int)
    for number in numbers:
        image = read_image(root / "images" / f"scene{number:02}.png")
        true = truth(number).repeat(SCALE, 0).repeat(SCALE, 1)
        table += np.bincount((true * count + network.labels(image)).ravel(), minlength=count**2).reshape(count, count)
    there = table.sum(1) > 0
    return float((np.diag(table) / (table.sum(0) + table.sum(1) - np.diag(table)).clip(1))[there].mean())


def walk(tab: Tab, root: Path, began: float, out: Path) -> None:
    """The ten minutes."""

    def told(what: str) -> None:
        minutes, seconds = divmod(round(time.monotonic() - began), 60)
        print(f"{minutes}:{seconds:02}  {what}", flush=True)

    told("the page is ready")
    drawn, strokes = [], 0
    while len(drawn) < IMAGES:
        number, count = draw(tab)
        drawn, strokes = [*drawn, number], strokes + count
        if len(drawn) == IMAGES // 2:
            picture(tab, out / "studio_walk_drawing.png")
        tab.key("d")
        tab.wait(f"{STAGE}.image !== undefined && {STAGE}.image !== '{number}'")
    told(f"{IMAGES} images have {strokes} strokes")
    tab.value(f"document.getElementById('epochs').value = {EPOCHS}; document.getElementById('train').click()")
    tab.wait(f"{TRAINED}.includes('epoch 1 ')", LIMIT_S)
    told("the first epoch is done")
    while "finished" not in tab.value(TRAINED) and time.monotonic() - began < LIMIT_S:
        assert "ended" not in tab.value(TRAINED), tab.value(TRAINED)
        time.sleep(1)
    if "finished" not in tab.value(TRAINED):
        tab.value("document.getElementById('stop').click()")
        tab.wait(f"{TRAINED}.includes('stopped')", 60)
    told(tab.value(TRAINED))
    tab.key("s")
    tab.wait("document.getElementById('shown').value === 'network'")
    time.sleep(5)
    picture(tab, out / "studio_walk_trained.png")
    others = sorted({*range(len(SCENES))} - {*drawn})
    print(f"IoU of the network on the {len(others)} other scenes: {score(root, others):.3f}")


def main(out: Path) -> None:
    """Start the studio and a browser, and walk."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "weakseg", "studio", "--demo", "--no-browser"]
    began = time.monotonic()
    with TemporaryDirectory() as place, subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        tab = Tab(Path(place))
        try:
            assert process.stderr is not None
            root = next(Path(found[1]) for line in process.stderr if (found := re.search(r"scenes are in (\S+)", line)))
            tab.open(next(found[0] for line in process.stderr if (found := re.search(r"http://\S+token=\S+", line))))
            tab.wait(f"document.getElementById('stage') && {STAGE}.image !== undefined", 60)
            walk(tab, root, began, out)
        finally:
            tab.close()
            process.terminate()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
