"""Mean field of the fully connected CRF beside pydensecrf2: ten steps, 375 x 500, both from the same probabilities.

Times are processor time of one process, taken in turns; with two threads the wall clock, which a busy machine blurs.
The images are scikit-image's three and ten of msrc21 where these are at hand, else a generated one.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from pydensecrf.densecrf import DenseCRF2D
from scipy.ndimage import gaussian_filter, zoom

from weakseg.data.folder.folder import Folder
from weakseg.energies.dense_crf import DenseCRF
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.mean_field.parallel_crf import refined

SIZE = (375, 500)
STEPS = 10
USUAL = DenseCRF()


def measure() -> Iterator[tuple[str, float, str]]:
    """Medians over images."""
    torch.set_num_threads(1)
    agreements = []
    for classes in (5, 21):
        found = [compared(image, prediction(image, classes)) for image in images()]
        yield f"crf.speedup_{classes}", median(ratio for ratio, _ in found), "times, one thread"
        agreements += [agreement for _, agreement in found]
    yield "crf.label_agreement", min(agreements), "of the pixels, worst image"
    torch.set_num_threads(2)
    found = [compared(image, prediction(image, 21), time.perf_counter) for image in images()]
    yield "crf.speedup_21_threads2", median(ratio for ratio, _ in found), "times, two threads, wall clock"
    torch.set_num_threads(1)
    for bandwidth in (8, 16, 32):
        mine, other = filter_errors(bandwidth)
        yield f"crf.filter_error_{bandwidth}", mine, "relative, bilateral filter against brute force"
        yield f"peer.pydensecrf2.filter_error_{bandwidth}", other, "relative, the same"


def images() -> list[np.ndarray]:
    """(3, H, W), float32 in [0, 1], with eight bits of precision."""
    raw = [resized(image) for image in (*of_skimage(), *of_msrc21())]
    if not raw:
        random = np.random.default_rng(0)
        smooth = gaussian_filter(random.normal(size=(3, *SIZE)), (0, 12, 12))
        raw = [np.clip(smooth / smooth.std() * 0.2 + 0.5 + random.normal(0, 0.03, smooth.shape), 0, 1)]
    return [(np.round(image * 255) / 255).astype(np.float32) for image in raw]


def of_skimage() -> list[np.ndarray]:
    """Three photographs."""
    try:
        from skimage import data
    except ImportError:
        return []
    return [getattr(data, name)().transpose(2, 0, 1) / 255 for name in ("astronaut", "coffee", "chelsea")]


def of_msrc21() -> list[np.ndarray]:
    """Ten photographs, evenly spread over its training images."""
    if not (Path(os.environ.get("WEAKSEG_DATA", "")) / "msrc21").is_dir():
        return []
    folder = Folder("msrc21", "train", labels=())
    return [folder[index].image for index in np.linspace(0, len(folder) - 1, 10).astype(int)]


def compared(image: np.ndarray, probs: np.ndarray, clock: Callable[[], float] = time.process_time):
    """Their best time of three over ours, and the share of pixels with the same label."""
    agreement = float((refine(probs, image).argmax(0) == reference(probs, image).argmax(0)).mean())
    turns = [
        (seconds(lambda: reference(probs, image), clock), seconds(lambda: refine(probs, image), clock))
        for _ in range(3)
    ]
    theirs, ours = (min(column) for column in zip(*turns, strict=True))
    return theirs / ours, agreement


def resized(image: np.ndarray) -> np.ndarray:
    """Linear, after smoothing as far as it shrinks."""
    factors = [size / length for size, length in zip(SIZE, image.shape[1:], strict=True)]
    smooth = gaussian_filter(image, (0, *(max(0.0, 1 / factor - 1) / 2 for factor in factors)))
    return np.clip(zoom(smooth, (1, *factors), order=1), 0, 1)


def prediction(image: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities (C, H, W) as an uncertain network might give: colours near one of some, and smooth noise."""
    random = np.random.default_rng(0)
    colours = image.reshape(3, -1)[:, random.choice(image[0].size, classes)].T
    apart = ((image[None] - colours[:, :, None, None]) ** 2).sum(1)
    noise = gaussian_filter(random.normal(size=(classes, *SIZE)), (0, 12, 12))
    scores = 2 * gaussian_filter(np.exp(-apart / (2 * 0.15**2)), (0, 3, 3)) + 1.2 * noise / noise.std()
    shares = np.exp(scores - scores.max(0))
    return (shares / shares.sum(0)).astype(np.float32)


def refine(probs: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Ours."""
    return refined(probs, image, USUAL, STEPS)


def reference(probs: np.ndarray, image: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Theirs, with the same bandwidths and strengths in their units."""
    classes, height, width = probs.shape
    side = max(height, width)
    crf = DenseCRF2D(width, height, classes)
    crf.setUnaryEnergy(np.ascontiguousarray(-np.log(probs.reshape(classes, -1).clip(1e-8))))
    crf.addPairwiseGaussian(sxy=USUAL.smooth_sxy * side, compat=USUAL.smooth_compat)
    pixels = np.ascontiguousarray(np.round(image.transpose(1, 2, 0) * 255).astype(np.uint8))
    crf.addPairwiseBilateral(sxy=USUAL.sxy * side, srgb=USUAL.srgb * 255, rgbim=pixels, compat=USUAL.compat)
    return np.array(crf.inference(steps)).reshape(classes, height, width)


def filter_errors(bandwidth: float) -> tuple[float, float]:
    """Relative error of equation `symmetric` on values in [-1, 1], ours and theirs, on an image small enough to sum."""
    height, width, srgb = 60, 80, 20.0
    random = np.random.default_rng(0)
    smooth = gaussian_filter(random.normal(size=(3, height, width)), (0, 4, 4))
    pixels = np.round(np.clip(128 + 40 * smooth / smooth.std(), 0, 255))
    rows, columns = np.mgrid[:height, :width] / bandwidth
    features = np.concatenate([[columns, rows], pixels / srgb]).reshape(5, -1)
    share = 1 / (1 + np.exp(-2 * gaussian_filter(random.normal(size=(height, width)), 2).ravel() * 7))
    values = 2 * share - 1
    weights = np.exp(-((features[:, :, None] - features[:, None]) ** 2).sum(0) / 2)
    root = np.sqrt(weights.sum(1))
    exact = weights @ (values / root) / root
    column = torch.from_numpy(values[:, None].astype(np.float32))
    ours = GaussianFilter.of(torch.from_numpy(features.astype(np.float32))).symmetric(column)[:, 0].numpy()
    crf = DenseCRF2D(width, height, 2)
    unary = -np.log(np.stack([share, 1 - share])).astype(np.float32)
    crf.setUnaryEnergy(np.ascontiguousarray(unary))
    image = np.ascontiguousarray(pixels.transpose(1, 2, 0).astype(np.uint8))
    crf.addPairwiseBilateral(sxy=bandwidth, srgb=srgb, rgbim=image, compat=1)
    # One step tells the difference of the two classes' messages.
    after = np.log(np.array(crf.inference(1)))
    theirs = after[0] - after[1] + unary[0] - unary[1]
    return tuple(float(np.linalg.norm(found - exact) / np.linalg.norm(exact)) for found in (ours, theirs))


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """How long it takes."""
    started = clock()
    work()
    return clock() - started
