"""Hidden segmentations that are found every few epochs, for whole images, and remembered in between.

The second paper's schedule: stage A sweeps over all training images with the network of that moment, and stage B
follows what it found until the next sweep. Targets lie in the run folder, one file per image, so a sweep that was
killed goes on where it was, and each of several processes solves its share. What is one-hot is a label map; what is
soft is remembered soft.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.nn import functional as F

from weakseg.data.images.label_file import read_labels, read_note, void_for, write_labels
from weakseg.data.sample import Dataset, Sample
from weakseg.data.soft_target import SoftTarget, from_tiles, quantised, soft_labels, to_tiles
from weakseg.data.view import view, whole
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.evaluation.predictor import Predictor, evaluating
from weakseg.evaluation.scores import confusion
from weakseg.losses.nested import parts
from weakseg.losses.objectives import Fit
from weakseg.losses.solve_log import Solve, solves_of
from weakseg.train.loader import Share
from weakseg.types import UNLABELED, Evidence, Objective, Solution, Solver

PREDICTION_LIMIT = 8 << 30
"""Bytes that the probabilities of one whole image may take, with all that is made of them."""
_COPIES = 4
"""Logits, their logarithms, and a target of the same size with what it is made from."""


Target = Int[np.ndarray, "H W"] | SoftTarget
"""The hidden segmentation of a whole image: labels, `UNLABELED` where nothing is taught, or soft."""


@dataclass(frozen=True)
class Targets:
    """The hidden segmentations of one sweep, by the images' keys."""

    folder: Path
    mark: str = ""
    """What each file says of itself with its target, so that no other and no damaged one is taken for it."""

    def __call__(self, sample: Sample) -> Target:
        """The hidden segmentation of an image, `UNLABELED` where none was found.

        Raises:
            DataInvalid: it is missing, damaged, of another search, of another size or of classes that there are not.
        """
        path, found = self._path(sample.key), self._read(sample.key)
        size = found.size if isinstance(found, SoftTarget) else found.shape
        if size != sample.valid.shape:
            raise DataInvalid(f"{path} is {size}, its image {sample.valid.shape}", fix=_MEND)
        void = void_for(len(sample.tags))
        labels = found.classes if isinstance(found, SoftTarget) else found[found != void]
        if (labels >= len(sample.tags)).any():
            raise DataInvalid(f"{path} has label {labels.max()}", fix=_MEND)
        if isinstance(found, SoftTarget):
            return found
        return np.where(found == void, UNLABELED, found).astype(np.int64)

    def find(self, sample: Sample) -> Target | None:
        """The same; `None` where it is missing or damaged, so that it must be found again."""
        try:
            return self(sample)
        except DataInvalid:
            return None

    def wanting(self, keys: Iterable[str]) -> list[str]:
        """The keys whose target is missing, damaged or of another search."""

        def is_wanting(key: str) -> bool:
            try:
                self._read(key)
            except DataInvalid:
                return True
            return False

        return [key for key in keys if is_wanting(key)]

    def keep(self, sample: Sample, found: Target) -> None:
        """Write a hidden segmentation, whole or not at all."""
        path = self._path(sample.key)
        path.parent.mkdir(parents=True, exist_ok=True)  # a key may be a path
        if isinstance(found, SoftTarget):
            tiles, known = to_tiles(found)
            note = json.dumps(known | {"digest": self._digest(sample.key, tiles, known)})
            write_labels(path, tiles, None, note, grey=True)
            return
        void = void_for(len(sample.tags))
        note = self._digest(sample.key, np.where(found == UNLABELED, void, found)) if self.mark else ""
        write_labels(path, found, void, note)

    def _read(self, key: str) -> Target:
        path = self._path(key)
        try:
            values = read_labels(path)
        except DataInvalid as error:
            raise DataInvalid(error.found, expected=error.expected, fix=_MEND) from error
        note, known, found = read_note(path), {}, values
        digest = note
        if note.startswith("{"):
            try:
                known = json.loads(note)
                digest, found = known.pop("digest"), from_tiles(values, known)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise DataInvalid(f"{path} is no soft hidden segmentation: {error}", fix=_MEND) from error
        if self.mark and digest != self._digest(key, values, known):
            raise DataInvalid(f"{path} was changed, or is of another search or image", fix=_MEND)
        return found

    def _digest(self, key: str, values: Int[np.ndarray, "R W"], known: dict[str, Any] | None = None) -> str:
        """Of everything in a file; `known` is what one of a soft target says besides its tiles."""
        text = f"{self.mark} {key} {values.shape} {json.dumps(known) if known else ''}".encode()
        return hashlib.sha256(text + np.ascontiguousarray(values, np.int32).tobytes()).hexdigest()[:32]

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.png"


_MEND = "resume the run with --resume: it goes back to where hidden segmentations were found last, and finds it again"


@dataclass(frozen=True)
class Found:
    """What came of one image."""

    solve: Solve
    matrix: Int[np.ndarray, "C C"] | None
    """Confusion with the mask of an image that has one. It judges the target, and never trains."""
    confidence: float | None
    """Mean probability of the most likely class; `None` of labels."""


def remembered(objective: Objective) -> Fit | None:
    """The part of an objective whose hidden segmentation is remembered, however deep in its tree of dataclasses."""
    return next((fit for fit in parts(objective, Fit) if fit.every_epochs is not None), None)


def sweep(
    solver: Solver,
    samples: Dataset,
    predictor: Predictor,
    targets: Targets,
    earlier: Targets | None,
    share: Share,
    progress: Callable[[], None] = lambda: None,
) -> list[Found]:
    """Predict every image whole and as it is, and find its hidden segmentation while the next is predicted.

    Args:
        solver: stage A.
        samples: the training images.
        predictor: the network of this moment.
        targets: what is written; images it holds already are passed over.
        earlier: what the last sweep wrote, to start from.
        share: which images are this process's.
        progress: told after each image.

    Raises:
        DataInvalid, EvidenceInvalid: of an image that it names: too large to be predicted or solved, or predictions
            that are no numbers. What was found before is kept.
    """

    def solve(sample: Sample, log_probs: Float[np.ndarray, "C H W"]) -> Found:
        begin = None if earlier is None else earlier.find(sample)
        try:
            target, solution = hidden_segmentation(solver, sample, log_probs, begin)
        except WeaksegError as error:
            raise error.at(sample.key) from error
        targets.keep(sample, target)
        return _found(sample, target, solution, len(samples.classes))

    def missing() -> Iterator[Sample]:
        for index in range(share.rank, len(samples), share.of):
            sample = samples[index]
            if targets.find(sample) is None:
                _refuse_too_large(sample, len(samples.classes))
                yield sample
            else:
                progress()

    def tasks() -> Iterator[Future[Found]]:
        # A CPU gains nothing from batches, and alone an image is predicted to the same bit in any share.
        at_once = 1 if predictor.device == "cpu" else 8
        for group in _of_one_size(missing(), at_once):
            try:
                predicted = predictor.log_probs(np.stack([sample.image for sample in group]))
            except WeaksegError as error:
                raise error.at(", ".join(sample.key for sample in group)) from error
            for sample, log_probs in zip(group, predicted, strict=True):
                yield pool.submit(solve, sample, log_probs)

    threads = torch.get_num_threads()
    found = []
    with evaluating(predictor.network), ThreadPoolExecutor(threads) as pool:
        for done in _ahead(tasks(), 2 * threads):
            found.append(done.result())
            progress()
    return found


def hidden_segmentation(
    solver: Solver, sample: Sample, log_probs: Float[np.ndarray, "C H W"], begin: Target | None
) -> tuple[Target, Solution]:
    """Stage A for one whole image: what is remembered of it, and the solution with proof.

    A solution of labels, or one that is one-hot wherever it teaches all or nothing, is remembered as labels.
    """
    begin = soft_labels(begin) if isinstance(begin, SoftTarget) else begin
    size = (sample.valid.shape[0], sample.valid.shape[1])
    batch = view(sample, whole(), size, begin)
    evidence = Evidence(batch.image, torch.from_numpy(log_probs)[None], batch.weak, batch.keys)
    solution = solver.solve(evidence, batch.memory)
    if solution.memory.labels is not None:
        return solution.memory.labels[0].cpu().numpy(), solution
    teaching = solution.weight > 0
    sure = ((solution.target == 0) | (solution.target == 1)).all(1) & (solution.weight == 1)
    if not sure[teaching].all():
        return quantised(solution.target[0].cpu().numpy(), solution.weight[0].cpu().numpy(), size), solution
    target = F.interpolate(solution.target, size, mode="bilinear", align_corners=False)
    weight = F.interpolate(solution.weight[:, None], size, mode="nearest-exact")[0, 0]
    labels = torch.where((weight > 0) & batch.weak.valid[0], target[0].argmax(0), UNLABELED)
    return labels.numpy(), solution


def _found(sample: Sample, target: Target, solution: Solution, classes: int) -> Found:
    soft = isinstance(target, SoftTarget)
    labels = np.where(sample.valid, soft_labels(target), UNLABELED) if soft else target
    truth = None if sample.truth is None else np.where(labels == UNLABELED, UNLABELED, sample.truth)
    return Found(
        solve=solves_of([((sample.key,), solution)])[0],
        matrix=None if truth is None else confusion(truth, labels, classes),
        confidence=target.confidence if soft else None,
    )


def _refuse_too_large(sample: Sample, classes: int) -> None:
    (rows, columns), needed = sample.valid.shape, _COPIES * 4 * classes * sample.valid.size
    if needed > PREDICTION_LIMIT:
        raise DataInvalid(
            f"{sample.key} has {rows} x {columns} pixels; predicting {classes} classes for it as a whole would take "
            f"{needed / 2**30:.1f} GiB",
            expected=f"at most {PREDICTION_LIMIT / 2**30:.0f} GiB",
            fix="cut the image and its labels into tiles, or make them smaller, before training with every_epochs",
        )


def _of_one_size(samples: Iterable[Sample], at_most: int) -> Iterator[list[Sample]]:
    """Neighbours of one size, in groups."""
    group: list[Sample] = []
    for sample in samples:
        if group and (len(group) == at_most or sample.image.shape != group[0].image.shape):
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def _ahead(tasks: Iterable[Future[Found]], count: int) -> Iterator[Future[Found]]:
    """The tasks in their order, with at most `count` of them under way: a prediction is large."""
    waiting: deque[Future[Found]] = deque()
    for task in tasks:
        waiting.append(task)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
