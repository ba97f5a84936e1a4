"""From the end of a stroke to the overlay on the real page, in headless Chromium; no rows where there is none.

The photo is one of icgbench with five labels, enlarged to a megapixel, and its strokes are parts of that annotator's;
without the data it is a generated scene. A page of ten thousand images is loaded as well.
"""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from weakseg.data.folder.folder import find
from weakseg.data.overlay import as_rgb
from weakseg.data.scenes import Scenes
from weakseg.errors import WeaksegError

sys.path.append(str(Path(__file__).parents[1] / "tests"))
LABELS, STROKES, LENGTH_PX = 5, 40, 60
MEGAPIXEL = 1_000_000
WATCH = """window.times = []; window.up = 0;
document.getElementById("canvas").addEventListener("pointerup", () => (window.up = performance.now()));
new MutationObserver(() => {
  const solved = document.getElementById("stage").dataset.solved;
  if (solved) requestAnimationFrame(() => window.times.push([performance.now() - window.up, ...solved.split(" ")]));
}).observe(document.getElementById("stage"), {attributes: true, attributeFilter: ["data-solved"]});"""


def measure() -> Iterator[tuple[str, float, str]]:
    """Latencies of strokes once each label has one, and the time until a large folder is ready."""
    from chromium import CHROMIUM, Tab  # pyright: ignore[reportMissingImports]

    if CHROMIUM is None:
        print("chromium is not installed: the studio's page is not measured", file=sys.stderr)
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as place:
        root = Path(place) / "photo"
        picture, drawn = photo()
        folder(root, picture, int(drawn[drawn < 255].max()) + 1)
        tab = Tab(Path(place) / "browser")
        try:
            with studio(root) as address:
                tab.open(address)
                tab.wait("document.getElementById('stage')?.dataset.image === '0'")
                first, fine = strokes(tab, drawn)
            what = f"ms, {picture.width} x {picture.height} pixels, {LABELS} labels, {len(first)} strokes"
            for name, times in (("first_overlay", first), ("refined", fine)):
                for percent in (50, 95):
                    yield f"studio.{name}_p{percent}", float(np.percentile(times, percent)), what
            for number in range(10_000):
                (root / "images" / f"{number:05}.png").hardlink_to(root / "images" / "photo.png")
            with studio(root) as address:
                tab.open(address)
                tab.wait("document.getElementById('stage')?.dataset.ready > 0")
                yield "studio.ready", tab.value("Number(document.getElementById('stage').dataset.ready)"), "ms, 10,000"
        finally:
            tab.close()


def photo() -> tuple[Image.Image, np.ndarray]:
    """A photo of a megapixel, and what is drawn on it; 255 is nothing."""
    try:
        root = find("icgbench")
        rows = list(csv.DictReader((root / "index.csv").open()))
        row = next(row for row in rows if row["n_labels"] == str(LABELS) and row["every_label_scribbled"] == "True")
        picture = Image.open(root / "images" / row["image"]).convert("RGB")
        drawn = Image.open(root / "scribbles" / f"{row['case']}.png")
    except (WeaksegError, OSError, StopIteration):
        sample = Scenes(1, seed=5)[0]
        assert sample.truth is not None
        picture, drawn = Image.fromarray(as_rgb(sample.image)), Image.fromarray(np.uint8(sample.truth))
    scale = (MEGAPIXEL / (picture.width * picture.height)) ** 0.5
    size = round(picture.width * scale), round(picture.height * scale)
    return picture.resize(size, Image.Resampling.BICUBIC), np.asarray(drawn.resize(size, Image.Resampling.NEAREST))


def folder(root: Path, picture: Image.Image, labels: int) -> None:
    """A data folder of one image."""
    (root / "images").mkdir(parents=True)
    picture.save(root / "images" / "photo.png")
    (root / "classes.txt").write_text("".join(f"class {label}\n" for label in range(labels)))


@contextmanager
def studio(root: Path) -> Iterator[str]:
    """The address of an open studio."""
    command = [sys.executable, "-m", "weakseg", "studio", str(root), "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield next(found.group() for line in process.stderr if (found := re.search(r"http://\S+token=\S+", line)))
        finally:
            process.kill()


def strokes(tab, drawn: np.ndarray) -> tuple[list[float], list[float]]:
    """Milliseconds to the first and to the finer overlay of each stroke."""
    tab.value(WATCH)
    rect = "(r => [r.left, r.top, r.width, r.height])(document.getElementById('canvas').getBoundingClientRect())"
    left, top, width, height = tab.value(rect)
    scale = min(width / drawn.shape[1], height / drawn.shape[0]) * 0.96
    left, top = left + (width - drawn.shape[1] * scale) / 2, top + (height - drawn.shape[0] * scale) / 2
    random, found = np.random.default_rng(0), {"first": [], "fine": []}
    labels = [label for label in np.unique(drawn).tolist() if label != 255]
    for number in range(len(labels) + STROKES):
        label = labels[number % len(labels)]
        y, x = random.choice(np.argwhere(drawn == label))
        far = random.integers(-LENGTH_PX, LENGTH_PX, 2)
        ends = [(x, y), *((x + share * far[0], y + share * far[1]) for share in (0.3, 0.6, 1.0))]
        inside = [(min(max(a, 1), drawn.shape[1] - 2), min(max(b, 1), drawn.shape[0] - 2)) for a, b in ends]
        tab.value("window.times = []")
        tab.key(str(label + 1))
        tab.drag(*[(left + a * scale, top + b * scale) for a, b in inside])
        if number < len(labels):
            tab.wait(f"document.getElementById('stage').dataset.revision === '{number + 1}'")
            continue
        tab.wait("window.times.some((each) => each[3] === 'fine')", 120)
        times = tab.value("window.times")
        for kind, all_times in found.items():
            all_times += [spent for spent, _, revision, which in times if which == kind and int(revision) == number + 1]
    return found["first"], found["fine"]
