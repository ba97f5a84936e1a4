"""Annotation files that are read in place: what is left out of them, and their labels on an image."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from weakseg.annotations.account import account_of, never_drawn
from weakseg.data.folder.annotated import SOURCE, Labels
from weakseg.data.folder.contents import Contents
from weakseg.data.inventory.agreement import Compared, compare_map, compare_tables
from weakseg.data.inventory.contradictions import contradictions_of_marks
from weakseg.data.inventory.statistics import LabelCounts, count
from weakseg.data.sample import Sample
from weakseg.data.stroke import draw_into
from weakseg.finding import Finding, some
from weakseg.types import ABSENT, PRESENT, UNLABELED


def findings_of_annotations(contents: Contents) -> list[Finding]:
    """Remarks on everything in the annotation files that is not used, and on choices of their readers."""
    if contents.annotated is None:
        return []
    place, found = contents.annotated.place, contents.annotated.found
    account = account_of(found, contents.images)
    texts = (*account.notes, *account.left_out())
    findings = [Finding(place, text, "", "nothing, if that is intended", remark=True) for text in texts]
    if never := never_drawn(found, contents.legend.declaration.uses):
        fix = f'if that is no class of pixels, write `"{never[0]}" = "ignore"` below `[names]` in dataset.toml'
        findings.append(Finding(place, f"nothing is drawn as {some(never)}", "", fix, remark=True))
    return findings


UNKNOWN = "no class of this name"
"""What marks of unknown classes became."""


@dataclass(frozen=True, eq=False)
class Marked:
    """The labels that annotation files give to one image."""

    labels: Labels
    sample: Sample
    """The image with these labels alone."""
    drawn: Int[np.ndarray, "H W"]
    """Class index of each labelled pixel, clicks among them."""

    @classmethod
    def of(cls, contents: Contents, said: Sample) -> "Marked | None":
        """The labels of an image, if the files say anything of it.

        Args:
            contents: the folder.
            said: the image with the labels of its tables.
        """
        labels = None if contents.annotated is None else contents.annotated.labels(said.key)
        if labels is None or labels.seeds.shape != said.valid.shape:
            return None
        seeds = np.where(said.valid, labels.seeds, UNLABELED)
        drawn = seeds.copy()
        for click in labels.clicks:
            draw_into(drawn, click.points, click.width_px, click.label)
        areas = np.tile([0.0, 1.0], (len(said.tags), 1))
        own = dict(seeds=seeds, strokes=labels.clicks, boxes=labels.boxes, tags=labels.tags, areas=areas)
        return cls(labels, replace(said, **own), np.where(said.valid, drawn, UNLABELED))

    def findings(self, contents: Contents, said: Sample) -> Iterator[Finding]:
        """Marks that became something else, and those that contradict tables."""
        annotated, names = contents.annotated, contents.legend.classes.names
        assert annotated is not None
        for problem in self.labels.problems:
            text, fix = f"not as drawn on {said.key}: {problem.found}", problem.fix or "draw it again"
            yield Finding(annotated.place, text, problem.expected, fix, (said.key,), remark=True)
        yield from contradictions_of_marks(annotated.place, self.drawn, said, names)
        for label in np.flatnonzero((self.labels.tags == PRESENT) & (said.tags == ABSENT)):
            text = f"'{names[label]}' is tagged or boxed on {said.key}, but tags.csv says it is absent"
            fix = f"remove the mark, or remove '{names[label]}' from `absent` in tags.csv"
            yield Finding(annotated.place, text, "no mark of an absent class", fix, (said.key,))

    def became(self, contents: Contents) -> Counter[tuple[str, str, str]]:
        """Number of marks by (name, kind, what they became)."""
        annotated = contents.annotated
        assert annotated is not None
        pairs = zip(annotated.found.images[self.sample.key].marks, self.labels.became, strict=True)
        unknown = annotated.unknown
        return Counter((mark.label, mark.kind, UNKNOWN if mark.label in unknown else use) for mark, use in pairs)

    def counts(self, contents: Contents) -> dict[str, LabelCounts]:
        """The label counts of annotation files."""
        return {SOURCE: count(self.sample, contents.legend.classes)}

    def compared(self, mask: Int[np.ndarray, "H W"] | None) -> dict[str, Compared]:
        """What is drawn, and each kind of table that the marks would fill, compared with the mask."""
        if mask is None:
            return {}
        tables = compare_tables(replace(self.sample, strokes=()), mask)
        drawn = {SOURCE: compare_map(self.drawn, mask)} if (self.drawn != UNLABELED).any() else {}
        return {**drawn, **{f"{SOURCE}: {name.removesuffix('.csv')}": each for name, each in tables}}
