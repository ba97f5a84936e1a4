"""One image and human scribbles, no network: how well `segment` does on two public sets, and how quickly.

Weights were chosen on every eighth case of icgbench and every fifth photo of grabcut, at half their size; rows are
about the others, at full size. How time grows with pixels is measured on a few of icgbench, made smaller and larger.
"""

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from weakseg import segment
from weakseg.data.folder.folder import find
from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels

UNDRAWN = 255
CHOOSING = {"icgbench": 8, "grabcut": 5}
"""Every which case, counted from the first, weights are chosen on."""
SIDES = (100, 200, 400, 800, 1414)
"""Roots of the pixels of resized photos, to two megapixels."""
GROWING = 24
"""Every which case time is measured on at all these sizes."""


class Case(NamedTuple):
    """An image, its scribbles and the truth; 255 is undrawn in the one, void in the other."""

    name: str
    image: np.ndarray
    scribbles: np.ndarray
    truth: np.ndarray


Segment = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From an image (M, H, W) in [0, 1] and scribbles (H, W) to labels (H, W)."""


def icgbench(choosing: bool = False) -> Iterator[Case]:
    """Two to eight regions, scribbled by several people."""
    folder = find("icgbench")
    rows = list(csv.DictReader((folder / "index.csv").open()))
    for row in _kept(rows, CHOOSING["icgbench"], choosing):
        key = row["case"]
        yield _case(folder, key, folder / "images" / row["image"], f"scribbles/{key}.png")


def grabcut(annotator: int, choosing: bool = False) -> Iterator[Case]:
    """One object on a background."""
    folder = find("grabcut")
    for picture in _kept(sorted((folder / "images").iterdir()), CHOOSING["grabcut"], choosing):
        yield _case(folder, picture.stem, picture, f"scribbles{annotator}/{picture.stem}.png")


def _kept(everything: list, stride: int, choosing: bool) -> list:
    return [one for i, one in enumerate(everything) if (i % stride == 0) == choosing]


def _case(folder: Path, key: str, picture: Path, scribbles: str) -> Case:
    return Case(key, read_image(picture), read_labels(folder / scribbles), read_labels(folder / f"masks/{key}.png"))


def dice(case: Case, labels: np.ndarray) -> float:
    """Mean over the regions of one case."""
    judged = case.truth != UNDRAWN
    found, truth = labels[judged], case.truth[judged]
    return mean(
        2 * ((found == k) & (truth == k)).sum() / ((found == k).sum() + (truth == k).sum()) for k in np.unique(truth)
    )


def error(case: Case, labels: np.ndarray) -> float:
    """Share of wrong pixels, of those that are neither void nor scribbled."""
    judged = (case.truth != UNDRAWN) & (case.scribbles == UNDRAWN)
    return float((labels != case.truth)[judged].mean())


def measure() -> Iterator[tuple[str, float, str]]:
    """Ours; the same images and scores are in peers/."""
    yield from rows("segment", lambda image, scribbles: segment(image, scribbles, UNDRAWN).labels)
    yield from growth()


def rows(name: str, segment: Segment, choosing: bool = False) -> Iterator[tuple[str, float, str]]:
    """The rows of one way to segment: Dice on icgbench, errors on grabcut, and processor time."""
    scores, seconds = zip(*(_timed(segment, case, dice) for case in icgbench(choosing)), strict=True)
    yield f"{name}.icgbench_dice", 100 * mean(scores), f"%, mean over {len(scores)} cases"
    yield f"{name}.icgbench_s", median(seconds), "s of processor time, median"
    for annotator in (1, 2):
        wrong, _ = zip(*(_timed(segment, case, error) for case in grabcut(annotator, choosing)), strict=True)
        yield f"{name}.grabcut_error_{annotator}", 100 * mean(wrong), f"%, annotator {annotator}, {len(wrong)} photos"


def growth() -> Iterator[tuple[str, float, str]]:
    """Processor time of `segment` on photos of 10,000 to two million pixels, and how it grows."""
    cases = [case for i, case in enumerate(icgbench()) if i % GROWING == 0]
    seconds = np.array([[_seconds(resized(case, side)) for side in SIDES] for case in cases])
    for side, median_s in zip(SIDES, np.median(seconds, axis=0), strict=True):
        yield f"segment.s_{side}", float(median_s), f"s of processor time, median of {len(cases)} photos"
    slopes = np.polyfit(np.log(np.square(SIDES)), np.log(seconds).T, 1)[0]
    yield "segment.slope", float(np.median(slopes)), f"power of the pixels; {slopes.min():.2f} to {slopes.max():.2f}"


def resized(case: Case, side: int) -> Case:
    """The photo bicubically, scribbles by their nearest pixels, to about `side` times `side` pixels."""
    height, width = case.scribbles.shape
    scale = side / (height * width) ** 0.5
    size = (round(width * scale), round(height * scale))
    image = np.stack([np.asarray(Image.fromarray(channel).resize(size, Resampling.BICUBIC)) for channel in case.image])
    labels = (
        Image.fromarray(of.astype(np.uint8)).resize(size, Resampling.NEAREST) for of in (case.scribbles, case.truth)
    )
    return Case(case.name, image.clip(0, 1), *map(np.asarray, labels))


def _seconds(case: Case) -> float:
    started = time.process_time()
    segment(case.image, case.scribbles, UNDRAWN)
    return time.process_time() - started


def _timed(segment: Segment, case: Case, score: Callable[[Case, np.ndarray], float]) -> tuple[float, float]:
    started = time.process_time()
    labels = segment(case.image, case.scribbles)
    return score(case, labels), time.process_time() - started
