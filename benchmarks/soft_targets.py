"""Soft targets that are remembered: how large a file is, and what a view of it and its loss cost.

Images are generated scenes of 375 x 500 pixels, predictions random and smooth; times are processor time of one
thread. Losses are of eight views of 224 x 224 with 21 classes, at a stride of 8, gradients included.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn import functional as F

from weakseg import Batch, DualProjection, Fit, JointProjection, MeanField
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.data.soft_target import SoftTarget, quantised, soft_seen
from weakseg.datasets import Scenes
from weakseg.energies import DenseCRF
from weakseg.simulate import Scribbles, Simulated
from weakseg.train.hidden_segmentation import hidden_segmentation
from weakseg.train.targets import Targets

SIZE, CLASSES = (375, 500), 21
SOLVERS = {
    "joint": JointProjection(),
    "tags_and_sizes": DualProjection(All((SizesWithin(), UntaggedClassesAbsent()))),
    "crf": MeanField(DenseCRF(), damped=False),
}


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread; compiled once before."""
    torch.set_num_threads(1)
    scenes = Simulated(Scenes(3, size=SIZE), (Scribbles(),))
    for name, solver in SOLVERS.items():
        found = [_file(solver, scenes[i], len(scenes.classes), i) for i in range(3)]
        yield f"soft.{name}_kb", median(each[0] for each in found), "kB an image, median of 3"
        yield f"soft.{name}_ms", median(each[1] for each in found), "ms to write and read it"
    target = np.random.default_rng(0).dirichlet([0.1] * CLASSES, (94, 125)).transpose(2, 0, 1)
    window = np.array([[0.8, 0, 20], [0, -0.8, 300]])
    for classes in (4, CLASSES):
        soft = quantised(target[:classes], np.ones((94, 125)), SIZE)
        seconds = _median(lambda soft=soft: soft_seen(soft, window, (224, 224), CLASSES))
        yield f"soft.view_ms_{classes}", 1000 * seconds, f"ms a view where {classes} classes occur"
    labels = torch.randint(0, CLASSES, (8, 28, 28)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    yield "soft.loss_ms_labels", _loss_ms(labels), "ms a view, labels remembered"
    one_hot = F.one_hot(labels, CLASSES).movedim(-1, 1).float()
    yield "soft.loss_ms_soft", _loss_ms(one_hot), "ms a view, the same remembered soft"


def _file(solver, sample, classes: int, seed: int) -> tuple[float, float]:
    """Kilobytes, and milliseconds to write and read."""
    coarse = 2 * torch.randn(1, classes, 24, 32, generator=torch.Generator().manual_seed(seed))
    log_probs = F.interpolate(coarse, SIZE, mode="bilinear").log_softmax(1)[0].numpy()
    found, _ = hidden_segmentation(solver, sample, log_probs, None)
    assert isinstance(found, SoftTarget)
    with TemporaryDirectory() as folder:
        targets, started = Targets(Path(folder), "mark"), time.process_time()
        targets.keep(sample, found)
        targets(sample)
        seconds = time.process_time() - started
        return next(Path(folder).iterdir()).stat().st_size / 1000, 1000 * seconds


def _loss_ms(targets: torch.Tensor) -> float:
    logits = torch.randn(8, CLASSES, 28, 28, requires_grad=True)
    batch, fit = Batch.of(torch.rand(8, 3, 224, 224), CLASSES, targets=targets), Fit(JointProjection())
    return 1000 * _median(lambda: fit(logits, batch).backward()) / 8


def _median(work: Callable[[], object], times: int = 9) -> float:
    """Seconds of processor time."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)


if __name__ == "__main__":
    for row, value, unit in measure():
        print(f"{row}: {value:.3g} {unit}")
