"""The graph cut by itself: its bound, its memory, two threads, and how long the first call takes.

Problems are those of a network on a photo: coarse noisy logits that favour the label of the nearest of K colours, 3 %
seeds, and a Potts weight that smooths strongly. "Weak" is early in training; "confident" has the same logits times
five, as late in training.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.cluster.vq import kmeans2
from scipy.ndimage import gaussian_filter
from single_image import UNDRAWN, icgbench

from weakseg.appearance.color import perceived
from weakseg.appearance.scribble_scores import scribble_scores
from weakseg.cuts.minimise import memory_needed, minimise, with_raised_bound
from weakseg.cuts.run import Cut
from weakseg.data.scenes import Scenes
from weakseg.energies import GridPotts
from weakseg.one_image.rounds import MISLED, SCORE_WEIGHT
from weakseg.one_image.segment import LOOSE

STRENGTH, SEEDED, SHARPER = 2.0, 0.03, 5.0
FIRST_CALL = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
SOLVE = "from weakseg.cuts.alpha_expansion import compile_kernels; t = time.perf_counter(); compile_kernels()"


class Problem(NamedTuple):
    """What `minimise` takes."""

    unary: np.ndarray
    weight: np.ndarray
    valid: np.ndarray
    seeds: np.ndarray
    begin: np.ndarray

    def cut(self) -> Cut:
        """Ours."""
        return minimise(*self, max_sweeps=30)


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread but for `threads2`."""
    for sharper, name in ((1.0, "weak"), (SHARPER, "confident")):
        gaps = []
        for image in photos(3):
            for classes in (2, 5, 21):
                cut = problem(image, 321, classes, sharper).cut()
                gaps.append((cut.energies[-1] - cut.bound) / abs(cut.energies[-1]))
        yield f"cut.bound_gap_{name}", 100 * median(gaps), f"%, median of {len(gaps)}; worst {100 * max(gaps):.2g}"
    few = [one for one in scribbled() if len(one.unary) > 2]
    cuts = [with_raised_bound(one.cut(), *one[:4], LOOSE) for one in few]
    gaps = [100 * (1 - cut.bound / cut.energies[-1]) for cut in cuts]
    if gaps:
        yield "cut.bound_gap_scribbles", median(gaps), f"%, median of {len(gaps)}; worst {max(gaps):.2g}"
    yield "cut.threads2", threads(2), "times, images a second with two threads over one"
    for classes in (5, 21):
        needed = memory_needed((512, 512), classes, 4) / 512**2
        yield f"cut.bytes_per_pixel_{classes}", needed, f"bytes beyond the inputs, {classes} labels"
    cold, warm = first_calls()
    yield "cut.cold_s", cold, "s, compiling everything once"
    yield "cut.warm_s", warm, "s, the first call of a later process"


def photos(most: int) -> Iterator[np.ndarray]:
    """Images (H, W, 3) in [0, 1]: scikit-image's three, and `most` of msrc21 and of grabcut, where they are there."""
    found = 0
    try:
        from skimage import data

        for name in ("astronaut", "coffee", "chelsea"):
            found += 1
            yield getattr(data, name)() / 255
    except ImportError:
        pass
    for name in ("msrc21", "grabcut"):
        folder = Path(os.environ.get("WEAKSEG_DATA", "nowhere")) / name / "images"
        for file in sorted(folder.glob("*"))[:most]:
            found += 1
            yield np.asarray(Image.open(file).convert("RGB")) / 255
    if not found:
        yield from (scene.image.numpy().transpose(1, 2, 0) for scene in Scenes(count=most))


def problem(picture: np.ndarray, size: int, classes: int, sharper: float) -> Problem:
    """An image as a square, noisy logits and seeds; every draw is from the same seed."""
    draw = np.random.default_rng([0, size, classes])
    image = np.asarray(Image.fromarray((255 * picture).astype(np.uint8)).resize((size, size))) / 255
    flat = image.reshape(-1, 3)
    colours, _ = kmeans2(flat[draw.choice(len(flat), 4000, replace=False)], classes, minit="++", seed=1)
    far = ((image[None] - colours[:, None, None]) ** 2).sum(-1)
    near = np.exp(-far / 0.005) / np.exp(-far / 0.005).sum(0).clip(1e-9)
    truth = np.stack([gaussian_filter(each, 4) for each in near]).argmax(0)
    smooth = np.stack([gaussian_filter(each, size / 27) for each in draw.standard_normal((classes, size, size))])
    noise = 1.5 * smooth / smooth.std() + 0.7 * draw.standard_normal((classes, size, size))
    logits = sharper * (2 * gaussian_filter(np.exp(-far / 0.045), (0, 3, 3)) + noise)
    top = logits.max(0)
    unary = top + np.log(np.exp(logits - top).sum(0)) - logits
    seeds = np.where(draw.random((size, size)) < SEEDED, truth, -1).astype(np.int32)
    valid = np.ones((size, size), bool)
    weight = STRENGTH * GridPotts().edge_costs(image.transpose(2, 0, 1).astype(np.float32), valid)
    return Problem(unary.astype(np.float32), weight.astype(np.float32), valid, seeds, np.full_like(seeds, -1))


def scribbled() -> Iterator[Problem]:
    """First cuts of `segment` on ten images with a few human scribbles (icgbench); none without the data."""
    if "WEAKSEG_DATA" not in os.environ:
        return
    for case in islice(icgbench(), 2, 92, 9):
        labels = np.unique(case.scribbles[case.scribbles != UNDRAWN])
        seeds = np.where(case.scribbles != UNDRAWN, np.searchsorted(labels, case.scribbles), -1).astype(np.int32)
        scores = scribble_scores(perceived(case.image), seeds, len(labels))
        sure = np.exp(scores - scores.max(0))
        unary = -np.log((1 - MISLED) * sure / sure.sum(0) + MISLED / len(labels)) * SCORE_WEIGHT / seeds.size**0.5
        valid = np.ones(seeds.shape, bool)
        weight = GridPotts().edge_costs(case.image.astype(np.float32), valid)
        yield Problem(unary.astype(np.float32), weight, valid, seeds, np.full_like(seeds, -1))


def threads(count: int) -> float:
    """How much sooner eight images are done; best of three."""
    images = [problem(image, 321, 5, 1.0) for image in photos(3)][:4] * 2

    def taken(workers: int) -> float:
        with ThreadPoolExecutor(workers) as pool:
            started = time.perf_counter()
            list(pool.map(Problem.cut, images))
            return time.perf_counter() - started

    return min(taken(1) for _ in range(3)) / min(taken(count) for _ in range(3))


def first_calls() -> tuple[float, float]:
    """Seconds of the first call of two processes one after the other, from an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-c", FIRST_CALL.format(SOLVE)]
        run = lambda: float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)  # noqa: E731
        return run(), run()
