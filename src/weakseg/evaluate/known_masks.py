"""How true a rule is: what it demands of pictures whose mask is known, and which of that the mask obeys.

A rule that few true masks obey teaches what is not there, however cleverly it is solved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch.nn import functional as F

from weakseg.constraints.linear_rows import Constraint, LinearRows
from weakseg.data.relabel import relabelled
from weakseg.data.sample import Sample
from weakseg.data.simulate import Boxes, IntervalSizes, Tags
from weakseg.data.view import view, whole
from weakseg.types import UNLABELED, Classes

ROUNDING = 1e-6
"""Of shares, which are float32, as a share of the picture: bounds that a mask meets exactly are met."""


@dataclass(frozen=True)
class Satisfied:
    """How many known masks satisfy a rule."""

    pictures: int
    """Of which the rule demands anything."""
    obeying: int
    """Those of them whose mask obeys everything."""
    demands: int
    """Rows, and one more for each picture with deletions."""
    obeyed: int
    """Demands that hold on the true mask."""


def satisfied(rules: Sequence[Constraint], samples: Iterable[Sample]) -> list[Satisfied]:
    """For each rule, how many true masks satisfy it, on the masks' own grid.

    Args:
        rules: what is demanded.
        samples: pictures with the labels that the rules read; those without a mask are passed over.
    """
    held: list[list[Bool[np.ndarray, " _"]]] = [[] for _ in rules]
    for sample in samples:
        if sample.truth is None:
            continue
        weak = view(sample, whole(), sample.truth.shape).weak
        for found, rule in zip(held, rules, strict=True):
            found.append(obeyed(rule.rows(weak, sample.truth.shape)[0], sample.truth))
    return [_summed([demands for demands in found if len(demands)]) for found in held]


def obeyed(rows: LinearRows, truth: Int[np.ndarray, "H W"]) -> Bool[np.ndarray, " N"]:
    """Which demands on a picture its mask obeys: each row in turn, then, where classes are deleted, all deletions."""
    valid = torch.from_numpy(truth != UNLABELED)
    labels = torch.from_numpy(np.where(truth == UNLABELED, 0, truth)).long()
    probs = F.one_hot(labels, len(rows.absent)).movedim(-1, 0).double()
    slack = ROUNDING * float(valid.sum())
    held = rows.values(probs, valid.double()) >= rows.bounds - slack
    gone = rows.absent[:, None, None] if rows.forbidden is None else rows.absent[:, None, None] | rows.forbidden
    if not gone.any():
        return held.numpy()
    return np.append(held.numpy(), not bool((probs.bool() & valid & gone).any()))


def truly_labelled(sample: Sample, classes: Classes) -> Sample:
    """A picture with the tags, boxes and exact sizes that its mask implies: what a perfect annotator says of it."""
    assert sample.truth is not None
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
        pictures=len(held),
        obeying=sum(bool(demands.all()) for demands in held),
        demands=sum(len(demands) for demands in held),
        obeyed=sum(int(demands.sum()) for demands in held),
    )
