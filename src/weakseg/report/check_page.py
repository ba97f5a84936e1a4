"""The page of `weakseg check`: findings and drawn labels."""

from collections.abc import Sequence
from pathlib import Path

from weakseg.annotations.account import Account
from weakseg.data.folder.annotated import Annotated
from weakseg.data.inventory.statistics import Statistics
from weakseg.data.sample import Dataset
from weakseg.finding import Finding
from weakseg.report.gallery import row, spread
from weakseg.report.html import css_colors, write_page
from weakseg.report.marks_drawn import marks_of

MOST_FAULTY, MOST_SOUND = 24, 12
"""Largest numbers of images drawn, with findings and without."""


def write_check_page(
    samples: Dataset,
    findings: Sequence[Finding],
    statistics: Statistics,
    out: Path,
    title: str = "Data check",
    account: Account | None = None,
    annotated: Annotated | None = None,
) -> None:
    """Write the page of a data check.

    It has the findings, the counts, and labels drawn on images, those with findings first; of annotation files also
    what became of their marks, and the marks as they were drawn.

    Raises:
        DataInvalid: `out` exists, and is not a page of weakseg's.
    """
    about: dict[str, list[str]] = {}
    for finding in findings:
        for key in finding.keys:
            about.setdefault(key, []).append(finding.found)
    faulty = [i for i, key in enumerate(samples.keys) if key in about]
    sound = [i for i, key in enumerate(samples.keys) if key not in about]
    shown = [*faulty[:MOST_FAULTY], *(sound[i] for i in spread(len(sound), MOST_SOUND))]
    classes = statistics.classes
    colors = css_colors(len(classes))
    write_page(
        out,
        "check.html",
        title=title,
        findings=findings,
        classes=classes,
        colors=colors,
        counts=statistics.counts,
        account=account,
        color_of=lambda name: _color_of(name, annotated, colors),
        rows=[
            row(
                samples[i],
                classes,
                {},
                tuple(about.get(samples.keys[i], ())),
                marks=None if annotated is None else marks_of(samples.keys[i], annotated),
            )
            for i in shown
        ],
    )


def _color_of(name: str, annotated: Annotated | None, colors: Sequence[str]) -> str:
    index = None if annotated is None else annotated.index(name)
    return "transparent" if index is None else colors[index]
