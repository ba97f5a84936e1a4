"""The page of simulated labels, drawn on their images."""

from pathlib import Path

from weakseg.data.inventory.statistics import count, total
from weakseg.data.sample import Dataset
from weakseg.report.gallery import row, spread
from weakseg.report.html import css_colors, write_page

MOST_COUNTED, MOST_SHOWN = 500, 24


def write_simulation_page(samples: Dataset, out: Path, title: str) -> None:
    """Write the page of a data set with simulated labels.

    It has counts and a gallery.

    Raises:
        DataInvalid: `out` exists, and is not a page of weakseg's.
    """
    classes = samples.classes
    write_page(
        out,
        "simulation.html",
        title=title,
        description=repr(samples),
        classes=classes,
        colors=css_colors(len(classes)),
        images=len(samples),
        counts=total([count(samples[i], classes) for i in spread(len(samples), MOST_COUNTED)], classes),
        rows=[row(samples[i], classes, {}) for i in spread(len(samples), MOST_SHOWN)],
    )
