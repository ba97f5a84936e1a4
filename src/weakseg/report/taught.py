"""What runs learnt from: every set of labels, those on the same images side by side."""

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
"""Of how many training images, at most, the labels are counted, because each has to be read."""
EXAMPLES = 4
"""How many training images are shown with their labels."""
_FULL = 0.9995


@dataclass(frozen=True)
class LabelSet:
    """One set of training labels, and the runs that learnt from it."""

    accounts: tuple[Account, ...]
    samples: Dataset
    counts: LabelCounts

    @property
    def words(self) -> str:
        """What was drawn or said: `scribbles on 2.8 % of the pixels`."""
        counts, share = self.counts, self.counts.labelled_share
        if share > _FULL:
            return "full masks"
        simulated = isinstance(self.samples, Simulated) and any(isinstance(k, Scribbles) for k in self.samples.kinds)
        marks = [f"{'scribbles' if simulated else 'marks'} on {percent(share)} of the pixels"] if share else []
        said = {"boxes": counts.boxes, "sizes": counts.sized_images}
        # What is marked is tagged too.
        said |= {} if share or counts.boxes.any() else {"tags": counts.tagged_images}
        parts = [*marks, *(name for name, some in said.items() if some.any())]
        return " and ".join(parts) or "no labels"


@dataclass(frozen=True)
class Taught:
    """The same training images, with all the labels that runs learnt from on them."""

    sets: tuple[LabelSet, ...]
    images: int
    rows: tuple[Row, ...]


def taught(accounts: Sequence[Account]) -> list[Taught]:
    """Every set of labels that runs learnt from, with a few of its images; those on the same images together."""
    return [_taught(group) for group in alike(accounts, lambda a: a.training, _images)]


def _images(account: Account) -> str:
    """Equal for the same images, whatever is drawn on them: their names and the first and last of them."""
    samples = account.training
    assert samples is not None
    ends = b"".join(samples[i].image.tobytes() for i in {0, len(samples) - 1})
    return repr((samples.classes, samples.keys, hashlib.sha256(ends).hexdigest()))


def _taught(accounts: Sequence[Account]) -> Taught:
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
    return Taught(sets, len(samples), tuple(rows))


def _label_set(accounts: Sequence[Account]) -> LabelSet:
    samples = accounts[0].training
    assert samples is not None
    counts = total([count(samples[i], samples.classes) for i in spread(len(samples), COUNTED)], samples.classes)
    return LabelSet(tuple(accounts), samples, counts)
