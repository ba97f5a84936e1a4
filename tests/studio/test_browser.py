"""The page in a real browser.

WEAKSEG_SCREENSHOT=docs/studio.png writes what it shows at the end.
"""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra weakseg[studio] is not installed")
pytest.importorskip("aiohttp", reason="the browser is driven through aiohttp")

from chromium import CHROMIUM, Tab

from weakseg.data.overlay import as_rgb
from weakseg.datasets import Scenes

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SCALE = 4
NUMBERS = "document.getElementById('numbers').textContent"
MARKS = "document.querySelector('#images button[aria-current] span:last-child')?.textContent"
FIRST_TIME_S = 180
"""Long enough to compile the cut."""


@pytest.fixture
def scenes(tmp_path) -> tuple[Path, np.ndarray]:
    """A folder of three generated scenes, and the truth of the first."""
    samples, root = Scenes(3, seed=5), tmp_path / "scenes"
    (root / "images").mkdir(parents=True)
    (root / "classes.txt").write_text("\n".join(samples.classes.names) + "\n")
    for index in range(3):
        picture = Image.fromarray(as_rgb(samples[index].image))
        size = (picture.width * SCALE, picture.height * SCALE)
        picture.resize(size, Image.Resampling.BICUBIC).save(root / "images" / f"scene{index}.png")
    truth = samples[0].truth
    assert truth is not None
    return root, truth


@contextmanager
def studio(root: Path):
    """The studio as a user starts it; killed without warning at the end."""
    command = [sys.executable, "-m", "weakseg", "studio", str(root), "--no-browser"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield next(found.group() for line in process.stderr if (found := re.search(r"http://\S+token=\S+", line)))
    finally:
        process.kill()
        process.communicate(timeout=30)


def longest_run(truth, label: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ends, well inside, of the longest row of a class; in pixels of the enlarged image."""
    best = (0, 0, 0)
    for row, labels in enumerate(truth):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], labels == label, [0]]).astype(int)))
        best = max([best, *((stop - start, row, start) for start, stop in edges.reshape(-1, 2).tolist())])
    length, row, start = best
    ends = (start + 0.25 * length, start + 0.75 * length)
    return tuple((SCALE * x, SCALE * (row + 0.5)) for x in ends)  # pyright: ignore


def on_page(tab: Tab, truth, points):
    """Places on the page of points in the image that fits it."""
    rect = "(r => [r.left, r.top, r.width, r.height])(document.getElementById('canvas').getBoundingClientRect())"
    left, top, width, height = tab.value(rect)
    rows, columns = (SCALE * side for side in truth.shape)
    scale = min(width / columns, height / rows) * 0.96
    left, top = left + (width - columns * scale) / 2, top + (height - rows * scale) / 2
    return [(left + x * scale, top + y * scale) for x, y in points]


def test_strokes_appear_are_solved_and_survive_a_kill(scenes, tmp_path):
    """Draw on each class, undo, redo, reload, kill the studio and start it again; narrow and dark pages fit."""
    root, truth = scenes
    with_tab = Tab(tmp_path / "browser")
    try:
        classes = np.unique(truth).tolist()
        with studio(root) as address:
            draw_all(with_tab, address, truth, classes)
            with_tab.key("z")
            with_tab.wait(f"{MARKS} === '{len(classes) + 1}'")
            with_tab.key("Z", shift=True)
            with_tab.wait(f"{MARKS} === '{len(classes) + 2}' && {NUMBERS}.endsWith('ms')", FIRST_TIME_S)
            if "WEAKSEG_SCREENSHOT" in os.environ:
                with_tab.screenshot(Path(os.environ["WEAKSEG_SCREENSHOT"]))
            with_tab.call("Page.reload")
            with_tab.wait(f"{MARKS} === '{len(classes) + 2}' && {NUMBERS}.endsWith('ms')")
        with studio(root) as address:
            with_tab.open(address)
            with_tab.wait(f"{MARKS} === '{len(classes) + 2}' && {NUMBERS}.endsWith('ms')", FIRST_TIME_S)
            for dark in (False, True):
                with_tab.resize(360, 740, dark)
                assert with_tab.value("document.documentElement.scrollWidth") == 360
                assert with_tab.value("document.getElementById('canvas').clientHeight") > 150
        drawn = np.asarray(Image.open(root / "scribbles" / "scene0.png"))
        assert {*np.unique(drawn)} == {*classes, 255}
        large = np.kron(truth, np.ones((SCALE, SCALE), int))
        assert (drawn == large)[drawn != 255].mean() > 0.95
        # What a newer stroke made obsolete is answered by 409, which chromium notes.
        assert [each for each in with_tab.complaints if "409 (Conflict)" not in each] == []
    finally:
        with_tab.close()


def draw_all(tab: Tab, address: str, truth, classes: list[int]) -> None:
    """A stroke on each class."""
    tab.open(address)
    tab.wait(f"{MARKS} === 'new' && document.getElementById('undo').disabled")
    tab.wait("document.getElementById('status').textContent.length > 0")
    for number, label in enumerate(classes, start=1):
        tab.key(str(label + 1))
        tab.drag(*on_page(tab, truth, longest_run(truth, label)))
        tab.wait(f"{MARKS} === '{number}'")
    tab.wait(f"{NUMBERS}.startsWith('energy') && {NUMBERS}.endsWith('ms')", FIRST_TIME_S)
