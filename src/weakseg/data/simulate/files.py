"""Simulated labels as files that `Folder` reads.

    OUT/scribbles_length0.3_seed0/<key>.png     Scribbles(0.3)
    OUT/seed0/clicks.csv boxes.csv              Clicks(), Boxes()
    OUT/seed0/tags.csv sizes.csv                Tags(), OneBitSizes() or IntervalSizes()

`Folder(path, labels=("OUT/scribbles_length0.3_seed0", "OUT/seed0/tags.csv"))` then gives what `Simulated` gives.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weakseg.data.folder.annotated import legend_of
from weakseg.data.folder.contents import list_files
from weakseg.data.folder.declaration import read_declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.folder.legend import Legend
from weakseg.data.folder.tables import table_text
from weakseg.data.images.label_file import write_labels
from weakseg.data.label_values.habits import listed
from weakseg.data.sample import Sample
from weakseg.data.simulate.annotators import Kind, Scribbles, Simulated
from weakseg.errors import DataInvalid
from weakseg.files.paths import require_folder
from weakseg.files.whole_file import unfinished
from weakseg.types import ABSENT, PRESENT, UNLABELED


def write_simulated(
    folder: Folder,
    kinds: tuple[Kind, ...],
    seed: int,
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write simulated labels of one split as files.

    Returns the label folder or table of each kind, for `Folder.labels`. Class values and names are those of the data
    folder, so the files mean the same as ones drawn by hand. `progress` is called with the number of finished images
    and the total.

    Raises:
        DataInvalid: a file or folder exists already (then nothing is written), an image has no mask, a class shares
            its value in label maps with another, or the disk is not writable.
    """
    require_folder(out)
    simulated = Simulated(folder, kinds, seed)
    places = [_place(out, kind, seed) for kind in kinds]
    _require_free(places)
    declaration = folder.declaration or read_declaration(folder.root)
    images = list_files(folder.root / "images", [], declaration.nested)
    legend = legend_of(folder.root, declaration, images)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with unfinished(out) as partial:
            _write(simulated, legend, partial, progress)
            # Another command may have simulated the same meanwhile.
            _require_free(places)
            for kind, place in zip(kinds, places, strict=True):
                place.parent.mkdir(exist_ok=True)
                (partial / _name(kind)).rename(place)
    except OSError as error:
        found, fix = f"{error.filename or out} cannot be written: {error.strerror or error}", "choose another --out"
        raise DataInvalid(found, fix=fix) from error
    return places


def _require_free(places: list[Path]) -> None:
    if taken := [place for place in places if os.path.lexists(place)]:
        fix = "remove it, or choose another --out"
        raise DataInvalid.of([DataInvalid(f"{place} already exists", fix=fix) for place in taken])


def _name(kind: Kind) -> str:
    """The name of a kind's labels in the temporary folder."""
    return "scribbles" if isinstance(kind, Scribbles) else _TABLES[kind.fills][0]


def _place(out: Path, kind: Kind, seed: int) -> Path:
    if isinstance(kind, Scribbles):
        return out / f"scribbles_length{kind.length:g}_seed{seed}"
    return out / f"seed{seed}" / _name(kind)


def _write(simulated: Simulated, legend: Legend, into: Path, progress: Callable[[int, int], None]) -> None:
    """Write all labels of all samples, reading each image once."""
    tables = {kind.fills: [] for kind in simulated.kinds if not isinstance(kind, Scribbles)}
    drawn = len(tables) < len(simulated.kinds)
    if drawn:
        (into / "scribbles").mkdir()
    for index in range(len(simulated)):
        sample = simulated[index]
        for fills, rows in tables.items():
            rows.extend((sample.key, *row) for row in _TABLES[fills][2](sample, legend))
        if drawn:
            _write_map(into / "scribbles" / f"{sample.key}.png", sample, legend)
        progress(index + 1, len(simulated))
    for fills, rows in tables.items():
        name, header, _ = _TABLES[fills]
        (into / name).write_text(table_text(("image", *header), rows), encoding="utf-8")


def _write_map(path: Path, sample: Sample, legend: Legend) -> None:
    """Write the seeds in the folder's own values."""
    convention, values = legend.convention("scribbles"), np.array(legend.numbers_in("scribbles"))
    free = [value for value in convention.nothing if value >= 0 and value not in values]
    if not free or values.min() < 0:
        raise DataInvalid(
            f"label maps of {listed(convention.values)} (classes), where {listed(convention.nothing)} means no class",
            expected="different values, 0 or more, for each class and for unlabelled pixels",
            fix="set `unlabeled`, `first_value` or `values` in dataset.toml",
        )
    path.parent.mkdir(parents=True, exist_ok=True)  # a key may be a path
    write_labels(
        path,
        np.where(sample.seeds == UNLABELED, UNLABELED, values[sample.seeds]),
        void=free[0],
        grey=bool(convention.colours),
    )


def _click_rows(sample: Sample, legend: Legend) -> Iterator[tuple[Any, ...]]:
    for stroke in sample.strokes:
        row, column = stroke.points[0].astype(int).tolist()
        yield legend.classes.names[stroke.label], column, row


def _box_rows(sample: Sample, legend: Legend) -> Iterator[tuple[Any, ...]]:
    for label, top, left, bottom, right in sample.boxes.astype(int).tolist():
        yield legend.classes.names[label], left, top, right, bottom


def _tag_rows(sample: Sample, legend: Legend) -> Iterator[tuple[Any, ...]]:
    # A merged class is absent only if all its parts are.
    absent = [name for name, label in zip(legend.declared, legend.becomes, strict=True) if sample.tags[label] == ABSENT]
    present = [legend.classes.names[label] for label in np.flatnonzero(sample.tags == PRESENT)]
    yield ";".join(present), ";".join(absent)


def _size_rows(sample: Sample, legend: Legend) -> Iterator[tuple[Any, ...]]:
    for name, label in zip(legend.declared, legend.becomes, strict=True):
        smallest, largest = sample.areas[label].tolist()
        if (smallest, largest) != (0.0, 1.0):
            # Bounds of merged classes add up, so one part gets the whole interval and the others (0, 0).
            yield (name, smallest, largest) if name in legend.classes.names else (name, 0.0, 0.0)


_TABLES = {
    "strokes": ("clicks.csv", ("class", "x", "y"), _click_rows),
    "boxes": ("boxes.csv", ("class", "left", "top", "right", "bottom"), _box_rows),
    "tags": ("tags.csv", ("present", "absent"), _tag_rows),
    "areas": ("sizes.csv", ("class", "min", "max"), _size_rows),
}
"""Name, columns after `image`, and rows of each table, by the part of a sample that it describes."""
