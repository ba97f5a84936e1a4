"""Hidden segmentations of whole images: what a solver makes of a prediction, as targets to store."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.data.sample import Dataset, Sample
from weakseg.data.soft_target import SoftTarget, quantised, soft_labels
from weakseg.data.view import collate, view, whole
from weakseg.errors import DataInvalid
from weakseg.joint.across_slices import AcrossSlices
from weakseg.losses.nested import parts
from weakseg.train.targets import Target
from weakseg.types import UNLABELED, Evidence, Memory, Solution, Solver


def solves_volumes(solver: Solver) -> bool:
    """Whether a solver takes the slices of a volume together."""
    return any(True for _ in parts(solver, AcrossSlices))


def solved_together(solver: Solver, samples: Dataset) -> list[tuple[int, ...]]:
    """Indices of the images that a solver takes together: the slices of a volume in their order, or each by itself.

    Volumes are found by reading every image once.
    """
    if not solves_volumes(solver):
        return [(index,) for index in range(len(samples))]
    volumes: dict[str, list[int]] = {}
    for index, key in enumerate(samples.keys):
        volumes.setdefault(samples[index].volume or key, []).append(index)
    found = [tuple(sorted(slices, key=lambda index: _counted(samples.keys[index]))) for slices in volumes.values()]
    for slices in found:
        _require_consecutive([samples.keys[index] for index in slices])
    return found


def _require_consecutive(keys: Sequence[str]) -> None:
    """Refuse a volume that lacks slices between others: these would be taken for neighbours."""
    ends = [re.search(r"[0-9]+$", key) for key in keys]
    numbers = [int(end[0]) for end in ends if end is not None]
    if len(numbers) < len(keys):
        return
    for key, other, one, next_one in zip(keys, keys[1:], numbers, numbers[1:], strict=False):
        if next_one - one > 1:
            raise DataInvalid(
                f"{next_one - one - 1} slices between {key} and {other} are not among the training images",
                expected="all slices of a volume from its first to its last, those without labels too",
                fix="list them in splits/train.txt, or train on Folder(..., split='all')",
            )


def _counted(key: str) -> list[tuple[str, int]]:
    """A key for sorting that counts: slice_2 comes before slice_10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)([0-9]*)", key)]


def hidden_segmentation(
    solver: Solver, sample: Sample, log_probs: Float[np.ndarray, "C H W"], begin: Target | None
) -> tuple[Target, Solution]:
    """The target of one whole image, and the solution behind it."""
    return hidden_segmentations(solver, [sample], log_probs[None], [begin])[0]


def hidden_segmentations(
    solver: Solver, group: Sequence[Sample], log_probs: Float[np.ndarray, "B C H W"], begins: Sequence[Target | None]
) -> list[tuple[Target, Solution]]:
    """The targets of whole images that are solved together, and the solution behind each.

    A solution of labels, or one that is one-hot wherever it teaches all or nothing, is stored as labels.
    """
    size = (group[0].valid.shape[0], group[0].valid.shape[1])
    labels = [soft_labels(begin) if isinstance(begin, SoftTarget) else begin for begin in begins]
    known = [torch.from_numpy(each) for each in labels if each is not None]
    start = Memory(labels=torch.stack(known)) if len(known) == len(group) else Memory()
    batch = collate([view(sample, whole(), size) for sample in group])
    evidence = Evidence(batch.image, torch.from_numpy(log_probs), batch.weak, batch.keys)
    solution = solver.solve(evidence, start)
    return [(_target(each, batch.weak.valid[i], size), each) for i, each in enumerate(_each(solution, len(group)))]


def _each(solution: Solution, count: int) -> Iterator[Solution]:
    """The solution of each image of a batch."""
    labels = solution.memory.labels
    for i in range(count):
        yield Solution(
            target=solution.target[[i]],
            weight=solution.weight[[i]],
            energy=solution.energy[[i]],
            status=solution.status[i : i + 1],
            certificate={name: values[[i]] for name, values in solution.certificate.items()},
            memory=Memory(labels=None if labels is None else labels[[i]]),
        )


def _target(solution: Solution, valid: Bool[Tensor, "H W"], size: tuple[int, int]) -> Target:
    """What is stored of one image's solution."""
    if solution.memory.labels is not None:
        return solution.memory.labels[0].cpu().numpy()
    teaching = solution.weight > 0
    sure = ((solution.target == 0) | (solution.target == 1)).all(1) & (solution.weight == 1)
    if not sure[teaching].all():
        return quantised(solution.target[0].cpu().numpy(), solution.weight[0].cpu().numpy(), size)
    target = F.interpolate(solution.target, size, mode="bilinear", align_corners=False)
    weight = F.interpolate(solution.weight[:, None], size, mode="nearest-exact")[0, 0]
    return torch.where((weight > 0) & valid, target[0].argmax(0), UNLABELED).numpy()
