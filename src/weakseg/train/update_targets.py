"""Updating targets: a network predicts every image, and a solver finds its target.

The second paper's schedule: stage A solves for all training images with the network of that moment, and stage B
follows what it found until the next update.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from weakseg.data.sample import Dataset, Sample
from weakseg.data.soft_target import SoftTarget, soft_labels
from weakseg.errors import DataInvalid, RecipeInvalid, WeaksegError
from weakseg.evaluation.predictor import Predictor, evaluating
from weakseg.evaluation.scores import confusion
from weakseg.files.claims import Claims
from weakseg.losses.nested import parts
from weakseg.losses.objectives import Fit
from weakseg.losses.solve_log import Solve, solves_of
from weakseg.train.hidden_segmentation import hidden_segmentations, solved_together, solves_volumes
from weakseg.train.loader import Share
from weakseg.train.targets import Target, Targets
from weakseg.types import UNLABELED, Objective, Solution

PREDICTION_LIMIT = 8 << 30
"""Bytes that the probabilities of one whole image may take, with all that is made of them."""
_COPIES = 4
"""Logits, their logarithms, and a target of the same size with what it is made from."""


@dataclass(frozen=True)
class Found:
    """The outcome of one image's solve."""

    solve: Solve
    matrix: Int[np.ndarray, "C C"] | None
    """Confusion with the mask of an image that has one. It judges the target, and never trains."""
    confidence: float | None
    """Mean probability of the most likely class; `None` of labels."""


def update_targets(
    objective: Objective,
    network: nn.Module | Predictor,
    samples: Dataset,
    into: Targets | Path | str,
    earlier: Targets | None = None,
    share: Share | Claims = Share(),
    done: Callable[[Found | None], None] = lambda found: None,
) -> Targets:
    """Find the target of every image with the network as it is now.

    Images are predicted whole, without augmentation, on the network's device.

    Args:
        objective: a `Fit`, or an objective around exactly one; its solver finds the targets.
        network: gives logits, or an object that has them, for images in [0, 1]; its mode is put back afterwards.
        samples: the training images with their weak labels.
        into: the folder of the files; earlier ones there are where the solver starts from, and are replaced. Or
            `Targets` with a mark, of which those that are there already are kept.
        earlier: targets to start from instead.
        share: which part of the images this process updates; with `Claims` on the folder any number of processes
            update all of them, whichever of them live, into `Targets` with a mark.
        done: is called after each image with its outcome, or `None` where its target was there already.

    Raises:
        RecipeInvalid: the objective holds no `Fit`, or several.
        DataInvalid, EvidenceInvalid: an image, which it names, is too large to be predicted or solved, or predictions
            are no numbers. Targets found before are kept.
    """
    solver = fit_in(objective).solver
    targets = into if isinstance(into, Targets) else Targets(Path(into))
    earlier = targets if earlier is None and not targets.mark else earlier
    predictor = network if isinstance(network, Predictor) else _predictor(network, samples)

    def solve(group: Sequence[Sample], log_probs: Float[np.ndarray, "B C H W"]) -> list[Found]:
        begins = [None if earlier is None else earlier.find(sample) for sample in group]
        try:
            solved = hidden_segmentations(solver, group, log_probs, begins)
        except WeaksegError as error:
            raise error.at(_names(group)) from error
        for sample, (target, _) in zip(group, solved, strict=True):
            targets.keep(sample, target)
        if isinstance(share, Claims):
            share.release(group[0].key)
        return [_found(sample, *each, len(samples.classes)) for sample, each in zip(group, solved, strict=True)]

    def missing() -> Iterator[list[Sample]]:
        for indices in _shared(solved_together(solver, samples), samples.keys, targets, share):
            group = [samples[index] for index in indices]
            # Without a mark nothing says that a file is of this network.
            if (
                targets.mark
                and not isinstance(share, Claims)
                and all(targets.find(sample) is not None for sample in group)
            ):
                for _ in group:
                    done(None)
                continue
            # Before the prediction: memory that runs out in the middle ends the process, without a message.
            _refuse_too_large(group, len(samples.classes))
            yield group

    def predicted(group: Sequence[Sample]) -> Float[np.ndarray, "B C H W"]:
        try:
            return predictor.log_probs(np.stack([sample.image for sample in group]))
        except WeaksegError as error:
            raise error.at(_names(group)) from error

    def tasks() -> Iterator[Future[list[Found]]]:
        # A CPU gains nothing from batches, and alone an image is predicted to the same bit in any share. Other
        # processes would wait for the claims of a batch that is not yet full.
        at_once = 1 if predictor.device == "cpu" or isinstance(share, Claims) else 8
        for groups in _of_one_size(missing(), at_once):
            images = [sample for group in groups for sample in group]
            parts = [predicted(images[first : first + at_once]) for first in range(0, len(images), at_once)]
            log_probs, first = np.concatenate(parts), 0
            for group in groups:
                # The next images are predicted while threads solve: compiled solvers hold no interpreter lock.
                yield pool.submit(solve, group, log_probs[first : first + len(group)])
                first += len(group)

    threads = torch.get_num_threads()
    # A volume's prediction may take all that an image's may, so that one is solved while the next is predicted.
    ahead = 1 if solves_volumes(solver) else 2 * threads
    with evaluating(predictor.network), ThreadPoolExecutor(threads) as pool:
        for task in _ahead(tasks(), ahead):
            for found in task.result():
                done(found)
    return targets


def _shared(
    groups: Sequence[Sequence[int]], keys: Sequence[str], targets: Targets, share: Share | Claims
) -> Iterator[Sequence[int]]:
    """The groups that this process looks at; with claims those alone whose targets it is to find.

    A group is claimed under the key of its first image.
    """
    if isinstance(share, Share):
        yield from groups[share.rank :: share.of]
        return
    if not targets.mark:
        raise RecipeInvalid("targets without a mark with claims", expected="Targets(folder, mark)", fix="add a mark")
    named = {keys[group[0]]: group for group in groups}
    for name in share.work([*named], lambda name: not targets.wanting(keys[index] for index in named[name])):
        yield named[name]


def fit_in(objective: Objective) -> Fit:
    """The one `Fit` of an objective, however deep in its tree of dataclasses.

    Raises:
        RecipeInvalid: there is none, or more than one.
    """
    fits = [*parts(objective, Fit)]
    if len(fits) != 1:
        raise RecipeInvalid(
            f"the objective {objective!r:.200} holds {len(fits)} Fit",
            expected="exactly one, whose solver finds the targets",
            fix="every Fit has a term for labelled pixels too, so that Fit(SeedsOnly()) beside it can be left out; an"
            " objective of your own must be a dataclass, so that its Fit is found",
        )
    return fits[0]


def _predictor(network: nn.Module, samples: Dataset) -> Predictor:
    tensor = next(network.parameters(), None)
    device = "cpu" if tensor is None else str(tensor.device)
    return Predictor(network, samples.classes, samples[0].image.shape[0], device)


def _found(sample: Sample, target: Target, solution: Solution, classes: int) -> Found:
    soft = isinstance(target, SoftTarget)
    labels = np.where(sample.valid, soft_labels(target), UNLABELED) if soft else target
    truth = None if sample.truth is None else np.where(labels == UNLABELED, UNLABELED, sample.truth)
    return Found(
        solve=solves_of([((sample.key,), solution)])[0],
        matrix=None if truth is None else confusion(truth, labels, classes),
        confidence=target.confidence if soft else None,
    )


def _refuse_too_large(group: Sequence[Sample], classes: int) -> None:
    (rows, columns), needed = group[0].valid.shape, _COPIES * 4 * classes * sum(sample.valid.size for sample in group)
    if needed > PREDICTION_LIMIT:
        many = f" in each of {len(group)} slices" if len(group) > 1 else ""
        raise DataInvalid(
            f"{group[0].key} has {rows} x {columns} pixels{many}; predicting {classes} classes for it as a whole would "
            f"take {needed / 2**30:.1f} GiB",
            expected=f"at most {PREDICTION_LIMIT / 2**30:.0f} GiB",
            fix="cut the image and its labels into tiles, or make them smaller, before their targets are updated",
        )


def _of_one_size(groups: Iterable[list[Sample]], at_most: int) -> Iterator[list[list[Sample]]]:
    """Neighbouring groups whose images have one size, of at most so many images, or one group alone.

    Raises:
        DataInvalid: the images of one group have different sizes.
    """
    held: list[list[Sample]] = []
    for group in groups:
        if len(shapes := {sample.image.shape for sample in group}) > 1:
            raise DataInvalid(
                f"the slices {_names(group)} are of one volume and have {len(shapes)} sizes",
                expected="one size for all slices of a volume",
                fix="correct `volume` in dataset.toml, if they are of different scans",
            )
        other = bool(held) and group[0].image.shape != held[0][0].image.shape
        if held and (other or sum(map(len, held)) + len(group) > at_most):
            yield held
            held = []
        held.append(group)
        # At once, because the next group may have to be waited for.
        if sum(map(len, held)) >= at_most:
            yield held
            held = []
    if held:
        yield held


def _names(group: Sequence[Sample]) -> str:
    return ", ".join(sample.key for sample in group)


def _ahead(tasks: Iterable[Future[list[Found]]], count: int) -> Iterator[Future[list[Found]]]:
    """The tasks in their order, at most `count` under way."""
    # Each holds a prediction, which is large.
    waiting: deque[Future[list[Found]]] = deque()
    for task in tasks:
        waiting.append(task)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting
