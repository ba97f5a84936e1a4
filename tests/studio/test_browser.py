"""The page in a real browser: one studio and one browser, an image for each flow.

WEAKSEG_SCREENSHOT=docs/studio.png writes what the first flow shows.
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
SAMPLES = Scenes(12, seed=5)
CLASSES = SAMPLES.classes.names
NUMBERS = "document.getElementById('numbers').textContent"
STATUS = "document.getElementById('status').textContent"
MARKS = "document.querySelector('#images button[aria-current] span:last-child')?.textContent"
SOLVED = f"{NUMBERS}.startsWith('energy') && {NUMBERS}.endsWith('ms')"
FIRST_TIME_S = 180
"""Long enough to compile the cut."""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """A folder of generated scenes."""
    root = tmp_path_factory.mktemp("studio") / "scenes"
    (root / "images").mkdir(parents=True)
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    for index in range(len(SAMPLES)):
        picture = Image.fromarray(as_rgb(SAMPLES[index].image))
        size = (picture.width * SCALE, picture.height * SCALE)
        picture.resize(size, Image.Resampling.BICUBIC).save(root / "images" / f"scene{index:02}.png")
    return root


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


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser."""
    tab = Tab(tmp_path_factory.mktemp("browser"))
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def page(scenes, chromium):
    """The page of the folder of scenes."""
    with studio(scenes) as address:
        chromium.open(address)
        chromium.wait(f"{STATUS}.length > 0 && document.getElementById('undo').disabled")
        yield chromium


@pytest.fixture
def tab(page):
    """The page, of which nothing is complained of at the end."""
    page.complaints.clear()
    page.resize(1280, 800)
    yield page
    # What a newer stroke made obsolete is answered by 409, which chromium notes.
    assert [each for each in page.complaints if "409 (Conflict)" not in each] == []


def open_image(tab: Tab, number: int) -> None:
    """Open an image by its button, and wait until it is there."""
    tab.value(f"document.getElementById('images').children[{number}].firstChild.click()")
    tab.wait(f"document.getElementById('stage').dataset.image === '{number}'")


def truth_of(number: int) -> np.ndarray:
    """The true classes of a scene."""
    truth = SAMPLES[number].truth
    assert truth is not None
    return truth


def longest_run(truth, label: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ends, well inside, of the longest row of a class; in pixels of the enlarged image."""
    best = (0, 0, 0)
    for row, labels in enumerate(truth):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], labels == label, [0]]).astype(int)))
        best = max([best, *((stop - start, row, start) for start, stop in edges.reshape(-1, 2).tolist())])
    length, row, start = best
    ends = (start + 0.25 * length, start + 0.75 * length)
    return tuple((SCALE * x, SCALE * (row + 0.5)) for x in ends)  # pyright: ignore


def on_page(tab: Tab, points):
    """Places on the page of points in the image that fits it."""
    rect = "(r => [r.left, r.top, r.width, r.height])(document.getElementById('canvas').getBoundingClientRect())"
    left, top, width, height = tab.value(rect)
    rows, columns = (SCALE * side for side in truth_of(0).shape)
    scale = min(width / columns, height / rows) * 0.96
    left, top = left + (width - columns * scale) / 2, top + (height - rows * scale) / 2
    return [(left + x * scale, top + y * scale) for x, y in points]


def draw(tab: Tab, number: int, label: int) -> None:
    """A stroke along the longest row of a class."""
    tab.key(str(label + 1))
    tab.drag(*on_page(tab, longest_run(truth_of(number), label)))


def draw_all(tab: Tab, number: int) -> list[int]:
    """A stroke on each class of a scene, each saved before the next."""
    classes = np.unique(truth_of(number)).tolist()
    for count, label in enumerate(classes, start=1):
        draw(tab, number, label)
        tab.wait(f"{MARKS} === '{count}'")
    return classes


def scribbles_of(root: Path, number: int) -> np.ndarray:
    """The scribble map on disk."""
    return np.asarray(Image.open(root / "scribbles" / f"scene{number:02}.png"))


def test_strokes_appear_and_are_solved(tab, scenes):
    """A stroke on each class is saved where it was drawn, and stage A answers; undo and redo; a reload keeps all."""
    open_image(tab, 0)
    classes = draw_all(tab, 0)
    tab.wait(SOLVED, FIRST_TIME_S)
    drawn = scribbles_of(scenes, 0)
    assert {*np.unique(drawn)} == {*classes, 255}
    large = np.kron(truth_of(0), np.ones((SCALE, SCALE), int))
    assert (drawn == large)[drawn != 255].mean() > 0.95
    tab.key("z")
    tab.wait(f"{MARKS} === '{len(classes) + 1}'")
    assert classes[-1] not in scribbles_of(scenes, 0)
    tab.key("Z", shift=True)
    tab.wait(f"{MARKS} === '{len(classes) + 2}' && {SOLVED}")
    assert (scribbles_of(scenes, 0) == drawn).all()
    if "WEAKSEG_SCREENSHOT" in os.environ:
        tab.screenshot(Path(os.environ["WEAKSEG_SCREENSHOT"]))
    tab.call("Page.reload")
    tab.wait(f"{MARKS} === '{len(classes) + 2}' && {SOLVED}")


def test_a_changed_file_is_reloaded_and_the_mark_drawn_on_it(tab, scenes):
    """The page says which file; after the reload the refused mark is there as well."""
    open_image(tab, 1)
    label = draw_all(tab, 1)[1]
    theirs = np.full_like(scribbles_of(scenes, 1), 255)
    theirs[:2] = 0
    Image.fromarray(theirs).save(scenes / "scribbles" / "scene01.png")
    draw(tab, 1, label)
    tab.wait("!document.getElementById('changed').hidden")
    assert (scribbles_of(scenes, 1) == theirs).all()
    assert "scribbles/scene01.png" in tab.value("document.getElementById('changed').textContent")
    tab.value("document.querySelector('#changed button').click()")
    tab.wait("document.getElementById('changed').hidden")
    tab.wait(SOLVED)
    now = scribbles_of(scenes, 1)
    assert (now[:2] == 0).all()
    assert label in now


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 390])
def test_narrow_pages_fit(tab, width, dark):
    """Nothing is wider than the page, and the image has room."""
    tab.resize(width, 740, dark)
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value("document.getElementById('canvas').clientHeight") > 150


def test_a_kill_loses_nothing(chromium, scenes, tmp_path):
    """The studio is killed right after a stroke is told to be saved, and started again."""
    root = tmp_path / "again"
    root.mkdir()
    (root / "images").symlink_to(scenes / "images")
    (root / "classes.txt").write_text((scenes / "classes.txt").read_text())
    chromium.resize(1280, 800)
    with studio(root) as address:
        chromium.open(address)
        chromium.wait("document.getElementById('stage').dataset.image === '0'")
        classes = draw_all(chromium, 0)
        drawn = scribbles_of(root, 0)
    with studio(root) as address:
        chromium.open(address)
        chromium.wait(f"{MARKS} === '{len(classes)}' && {SOLVED}", FIRST_TIME_S)
        assert (scribbles_of(root, 0) == drawn).all()
