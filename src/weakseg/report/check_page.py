"""The page of `weakseg check`: findings and drawn labels."""

from collections.abc import Sequence
from pathlib import Path

from weakseg.data.inventory.statistics import Statistics
from weakseg.data.sample import Dataset
from weakseg.finding import Finding
from weakseg.report.gallery import row, spread
from weakseg.report.html import css_colors, write_page

MOST_FAULTY, MOST_SOUND = 24, 12
"""Largest numbers of images drawn, with findings and without."""


def write_check_page(
    samples: Dataset, findings: Sequence[Finding], statistics: Statistics, out: Path, title: str = "Data check"
) -> None:
    """Write the page of a data check.

    It has the findings, the counts, and labels drawn on images, those with findings first.

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
    write_page(
        out,
        "check.html",
        title=title,
        findings=findings,
        classes=classes,
        colors=css_colors(len(classes)),
        counts=statistics.counts,
        rows=[row(samples[i], classes, {}, tuple(about.get(samples.keys[i], ()))) for i in shown],
    )
