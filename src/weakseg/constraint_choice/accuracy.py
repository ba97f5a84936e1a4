"""Accuracy of constraints on images with known masks.

It says which rows the true mask satisfies.

A constraint that few true masks satisfy gives wrong targets, however well it is solved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.constraints.linear_rows import Constraint, LinearRows, rows_of
from weakseg.data.relabel import relabelled
from weakseg.data.sample import Sample
from weakseg.data.simulate.annotators import Boxes, IntervalSizes, Tags
from weakseg.data.view import view, whole
from weakseg.types import UNLABELED, Classes

ROUNDING = 1e-6
"""Rounding of fractions, which are float32, as a fraction of the image: a bound that a mask meets exactly counts as
met."""


@dataclass(frozen=True)
class Satisfied:
    """Number of known masks that satisfy a constraint."""

    images: int
    """Number of images that the constraint applies to."""
    obeying: int
    """Number of those whose mask satisfies everything."""
    demands: int
    """Number of rows, and one more for each image with deletions."""
    obeyed: int
    """Number of those that hold on the true mask."""


def satisfied(rules: Sequence[Constraint], samples: Iterable[Sample]) -> list[Satisfied]:
    """Accuracy of each constraint on the true masks.

    It is on the masks' own grid.

    Args:
        rules: the constraints.
        samples: images with the labels that the constraints read; those without a mask are skipped.
    """
    held: list[list[Bool[np.ndarray, " _"]]] = [[] for _ in rules]
    for sample in samples:
        if sample.truth is None:
            continue
        weak = view(sample, whole(), sample.truth.shape).weak
        mask = _mask(sample.truth, len(sample.tags))
        grid = (sample.truth.shape[0], sample.truth.shape[1])
        for found, rule in zip(held, rules, strict=True):
            found.append(_obeyed(rows_of(rule, weak, grid, len(sample.tags))[0], mask))
    return [_summed([demands for demands in found if len(demands)]) for found in held]


@dataclass(frozen=True)
class _Mask:
    """A true mask as a certain segmentation."""

    labels: Int[Tensor, "H W"]
    valid: Bool[Tensor, "H W"]
    probs: Float[Tensor, "C H W"]


def _mask(truth: Int[np.ndarray, "H W"], classes: int) -> _Mask:
    valid = torch.from_numpy(truth != UNLABELED)
    labels = torch.from_numpy(np.where(truth == UNLABELED, 0, truth)).long()
    return _Mask(labels, valid, torch.stack([labels == k for k in range(classes)]).double())


def _obeyed(rows: LinearRows, mask: _Mask) -> Bool[np.ndarray, " N"]:
    """Which rows of an image its mask satisfies.

    Each row in turn, then, where classes are deleted, all deletions together.
    """
    held = np.zeros(0, dtype=bool)
    if len(rows):
        # In pixels, as rows are.
        slack = ROUNDING * float(mask.valid.sum())
        held = (rows.values(mask.probs, mask.valid.double()) >= rows.bounds - slack).numpy()
    gone = rows.absent[mask.labels]
    if rows.forbidden is not None:
        gone |= rows.forbidden.gather(0, mask.labels[None])[0]
    elif not rows.absent.any():
        return held
    return np.append(held, not bool((gone & mask.valid).any()))


def truly_labelled(sample: Sample, classes: Classes) -> Sample:
    """The image with labels that its mask implies.

    Tags, boxes and exact sizes, as a perfect annotator would give.
    """
    assert sample.truth is not None
    # These simulators are deterministic; their interface asks for a generator.
    unused = np.random.default_rng(0)
    return relabelled(
        sample,
        len(classes),
        tags=Tags().simulate(sample.truth, classes, unused),
        areas=IntervalSizes(margin=0.0).simulate(sample.truth, classes, unused),
        boxes=Boxes().simulate(sample.truth, classes, unused),
    )


def _summed(held: list[Bool[np.ndarray, " _"]]) -> Satisfied:
    return Satisfied(
        images=len(held),
        obeying=sum(bool(demands.all()) for demands in held),
        demands=sum(len(demands) for demands in held),
        obeyed=sum(int(demands.sum()) for demands in held),
    )
