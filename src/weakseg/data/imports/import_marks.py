"""A data folder made of images and annotation files."""

import os
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from weakseg.annotations.account import Account, account_of, classes_of
from weakseg.annotations.matched import Matched, matched
from weakseg.data.folder.contents import list_files
from weakseg.data.folder.legend import problem_of_name
from weakseg.data.folder.tables import table_text
from weakseg.data.images.label_file import void_for, write_labels
from weakseg.data.imports.large_windows import opened_large, parts_of, write_window
from weakseg.data.imports.new_folder import declare, new_folder, require_new
from weakseg.data.rasters.raster import Raster
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.labels import MarkedImage, labels_of
from weakseg.marks.mark import ImageMarks
from weakseg.marks.uses import Uses
from weakseg.types import ABSENT, PRESENT, UNLABELED


@dataclass(frozen=True)
class Imported:
    """What an import found and made."""

    classes: tuple[str, ...]
    matched: Matched
    account: Account
    problems: tuple[WeaksegError, ...]
    """What is wrong with single marks."""
    uses: Uses
    """What kinds and names of marks became."""


def import_marks(
    sources: Sequence[Path],
    images: Path,
    into: Path,
    uses: Uses,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Make a data folder of images and annotation files.

    Images are linked, or copied where the file system has no hard links; of images with more than 16,777,216 pixels
    that can be read by windows, those windows that hold marks become images. `progress` is called with the number of
    finished images and the total.

    Raises:
        DataInvalid: a source or image cannot be read, names or sizes do not fit, nothing was drawn, tables cannot hold
            the name of a class, or the folder is not empty; then nothing is written.
    """
    require_new(into)
    listing: list[WeaksegError] = []
    files = list_files(images, listing, nested=True)
    if listing or not files:
        none = DataInvalid(f"{images} holds no images", fix="name the folder of the annotated images with --images")
        raise DataInvalid.of(listing or [none])
    found = matched(sources, files)
    classes = _classes(found, uses)
    with new_folder(into) as partial:
        became, problems = _write(found, files, classes, uses, partial, progress)
    account = replace(account_of(found, files), became=became)
    return Imported(classes, found, account, tuple(problems), uses)


def _classes(found: Matched, uses: Uses) -> tuple[str, ...]:
    """The classes of the folder."""
    classes = classes_of(found, uses)
    if not classes:
        raise DataInvalid("no mark or tag belongs to any image", fix="annotate an image, and export again")
    problems = [
        DataInvalid(problem, fix=f"give it another: --name {shlex.quote(f'{name}=NEW')}")
        for name in classes
        if (problem := problem_of_name(name))
    ]
    if problems:
        raise DataInvalid.of(problems)
    return classes


def _write(
    found: Matched,
    files: dict[str, Path],
    classes: tuple[str, ...],
    uses: Uses,
    into: Path,
    progress: Callable[[int, int], None],
) -> tuple[Counter[tuple[str, str, str]], list[WeaksegError]]:
    index = {name: label for label, name in enumerate(classes)}
    tables: dict[str, list[tuple]] = {name: [] for name in _HEADERS}
    became: Counter[tuple[str, str, str]] = Counter()
    problems: list[WeaksegError] = []
    for done, (key, path) in enumerate(files.items(), start=1):
        with opened_large(path) as raster:
            for own, image, size in _images(found, key, path, raster, uses, into, problems):
                labels = labels_of(image, size, len(classes), index.__getitem__, uses)
                became.update((m.label, m.kind, b) for m, b in zip(image.marks, labels.became, strict=True))
                problems += [problem.at(own) for problem in labels.problems]
                _note(tables, own, labels, classes)
                if (labels.seeds != UNLABELED).any():
                    (into / "scribbles" / own).parent.mkdir(parents=True, exist_ok=True)
                    write_labels(into / "scribbles" / f"{own}.png", labels.seeds, void=void_for(len(classes)))
        progress(done, len(files))
    for name, rows in tables.items():
        if rows:
            (into / name).write_text(table_text(_HEADERS[name], rows), encoding="utf-8")
    lines = ["nested = true"] * any("/" in key for key in files)
    # With 256 classes and more 255 is a class.
    if (nothing := void_for(len(classes))) != 255:
        lines += [f"unlabeled = {nothing}", f"void = {nothing}"]
    declare(into, classes, *lines)
    return became, problems


def _images(
    found: Matched,
    key: str,
    path: Path,
    raster: Raster | None,
    uses: Uses,
    into: Path,
    problems: list[WeaksegError],
) -> Iterator[tuple[str, ImageMarks, tuple[int, int]]]:
    """Put an image into the folder, or the windows of a large one that hold marks.

    Gives key, marks and size of each that has marks.
    """
    if raster is None:
        # Links and no copies where the file system can: image folders are large.
        _link(path, into / "images" / f"{key}{path.suffix}")
        if key in found.images:
            yield key, found.images[key], found.sizes[key]
        return
    if key not in found.images:
        return
    parts, outside = parts_of(found.images[key], found.sizes[key], uses)
    problems += [problem.at(key) for problem in outside]
    for part in parts:
        write_window(raster, part.window, into / "images" / f"{part.key(key)}.tif")
        yield part.key(key), part.marks, (part.window.height, part.window.width)


_HEADERS = {
    "clicks.csv": ("image", "class", "x", "y"),
    "boxes.csv": ("image", "class", "left", "top", "right", "bottom"),
    "tags.csv": ("image", "present", "absent"),
}


def _note(tables: dict[str, list[tuple]], key: str, labels: MarkedImage, classes: tuple[str, ...]) -> None:
    """Add the rows of an image to the tables."""
    for click in labels.clicks:
        row, column = click.points[0].astype(int).tolist()
        tables["clicks.csv"].append((key, classes[click.label], column, row))
    for label, top, left, bottom, right in labels.boxes:
        tables["boxes.csv"].append((key, classes[int(label)], *map(_exact, (left, top, right, bottom))))
    said = [";".join(classes[i] for i in np.flatnonzero(labels.tags == tag)) for tag in (PRESENT, ABSENT)]
    if any(said):
        tables["tags.csv"].append((key, *said))


def _exact(side: float) -> str:
    """A number in the fewest digits that are read as the same."""
    return repr(side).removesuffix(".0")


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file.resolve(), to)
    except OSError:
        shutil.copyfile(file, to)
