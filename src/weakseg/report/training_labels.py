"""Training labels of runs, side by side.

Sets of labels on the same images are shown together.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from weakseg.data.inventory.statistics import LabelCounts, count, total
from weakseg.data.sample import Dataset
from weakseg.data.simulate.annotators import Scribbles, Simulated
from weakseg.report.gallery import Row, row, spread
from weakseg.report.html import percent
from weakseg.report.sections import Account, alike, hidden, made_of, predicted

COUNTED = 500
"""Largest number of training images whose labels are counted, because each has to be read."""
EXAMPLES = 4
"""Number of training images shown with their labels."""
_FULL = 0.9995


@dataclass(frozen=True)
class LabelSet:
    """One set of labels, and the runs trained on it."""

    accounts: tuple[Account, ...]
    samples: Dataset
    counts: LabelCounts

    @property
    def words(self) -> str:
        """The kinds of labels in words.

        For example `scribbles on 2.8 % of the pixels`.
        """
        counts, labelled = self.counts, self.counts.labelled_share
        if labelled > _FULL:
            return "full masks"
        simulated = isinstance(self.samples, Simulated) and any(isinstance(k, Scribbles) for k in self.samples.kinds)
        marks = [f"{'scribbles' if simulated else 'marks'} on {percent(labelled)} of the pixels"] if labelled else []
        others = {"boxes": counts.boxes, "sizes": counts.sized_images}
        # Marked and boxed classes count as tagged, so that tags are named only where they are all there is.
        others |= {} if labelled or counts.boxes.any() else {"tags": counts.tagged_images}
        parts = [*marks, *(name for name, some in others.items() if some.any())]
        return " and ".join(parts) or "no labels"


@dataclass(frozen=True)
class TrainingLabels:
    """All label sets on the same training images."""

    sets: tuple[LabelSet, ...]
    images: int
    rows: tuple[Row, ...]


def training_labels(accounts: Sequence[Account]) -> list[TrainingLabels]:
    """The label sets of runs, grouped by images.

    A few of the images are shown with them.
    """
    return [_training_labels(group) for group in alike(accounts, lambda a: a.training, _images)]


def _images(account: Account) -> str:
    """A text that is equal for the same images.

    Labels do not count; names and the first and last images do.
    """
    samples = account.training
    assert samples is not None
    ends = b"".join(samples[i].image.tobytes() for i in {0, len(samples) - 1})
    return repr((samples.classes, samples.keys, hashlib.sha256(ends).hexdigest()))


def _training_labels(accounts: Sequence[Account]) -> TrainingLabels:
    groups = alike(accounts, lambda a: a.training, lambda a: repr(a.training))
    sets = tuple(_label_set(group) for group in groups)
    titles = ["labels" if len(sets) == 1 else f"labels · {', '.join(a.name for a in each.accounts)}" for each in sets]
    samples, rows = sets[0].samples, []
    for i in spread(len(samples), EXAMPLES):
        labelled = {title: each.samples[i] for title, each in zip(titles, sets, strict=True)}
        segmentations = {}
        for each in sets:
            segmentations |= made_of(each.samples[i], each.accounts, (hidden, predicted), named=len(accounts) > 1)
        rows.append(row(samples[i], samples.classes, segmentations, labelled=labelled))
    return TrainingLabels(sets, len(samples), tuple(rows))


def _label_set(accounts: Sequence[Account]) -> LabelSet:
    samples = accounts[0].training
    assert samples is not None
    counts = total([count(samples[i], samples.classes) for i in spread(len(samples), COUNTED)], samples.classes)
    return LabelSet(tuple(accounts), samples, counts)
