"""Inventory of a data folder, for a check.

`read_contents` stops a reader at what it cannot do without; here everything is listed that can be, whichever labels
will be used for training.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weakseg.data.folder.annotated import SOURCE, Annotated, read_annotated
from weakseg.data.folder.contents import Contents, Problems, declared_full, declared_keys, label_maps, list_files
from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.folder.legend import Legend, double_meanings
from weakseg.data.folder.tables import READERS
from weakseg.data.images.image_file import EXTENSIONS
from weakseg.data.inventory.in_place import findings_of_annotations
from weakseg.data.inventory.labelmap import findings_of_labelmap
from weakseg.data.inventory.left_out import holds_label_maps, images_left_out, maps_left_out, strangers, unfollowed
from weakseg.data.inventory.parts import findings_of_parts
from weakseg.errors import DataInvalid
from weakseg.files.layout import BOXES, CLICKS, MASKS, SIZES, TAGS
from weakseg.files.regular_file import read_text
from weakseg.finding import Finding, findings_of
from weakseg.types import Classes


@dataclass(frozen=True)
class Inventory:
    """The files and tables of a data folder."""

    root: Path
    contents: Contents
    layers: dict[str, dict[str, Path]]
    """Label maps of images by folder ("masks", and every name that begins with "scribbles"), then by key."""
    tables: tuple[str, ...]
    """Names of the existing tables."""
    unread: tuple[str, ...]
    """Names of the tables with rows that cannot be read, and "annotations" if they cannot be."""

    @property
    def judged(self) -> bool:
        """Whether the classes are known.

        Otherwise values and names cannot be checked.
        """
        return bool(self.contents.legend.declared)


def take_inventory(root: Path) -> tuple[Inventory, list[Finding]]:
    """List a data folder and read its tables.

    No image is opened.
    """
    declaration, findings = _declaration(root)
    in_place = () if declaration is None else declaration.annotations
    images, of_images = _images(root / "images", declaration is not None and declaration.nested, in_place)
    legend, annotated, of_legend = _legend(root, declaration, images)
    findings += [*of_legend, *of_images]
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and holds_label_maps(folder.name)]
    layers = {folder.name: _layer(folder, images, legend, findings) for folder in folders if images}
    there = [root / name for name in READERS if os.path.lexists(root / name)]
    tables = there if images and legend.declared else []
    said: dict[str, dict[str, Any]] = {name: {} for name in READERS}
    unread = []
    for table in tables:
        said[table.name], problems = READERS[table.name](table, legend, images)
        findings += _all_of(problems, table, "correct the line, or remove it")
        unread += [table.name] * bool(problems)
    problems: Problems = []
    masks = layers.get(MASKS, {})
    full = declared_full(root, legend.declaration, images, masks, problems)
    everything = declared_keys(root, legend.declaration, "everything_drawn", images, problems)
    read = {path.split("/")[0] for path in in_place}
    findings += _all_of(problems, root / "dataset.toml", "correct the list of keys") + strangers(root, read)
    findings += findings_of_labelmap(root, legend)
    told = {finding.file for finding in findings if not finding.remark}
    findings += [finding for finding in unfollowed(root) if finding.file not in told]
    names = tuple(name for name in layers if name != MASKS)
    drawn = tuple(layers[name] for name in names)
    words = (said[name] for name in (TAGS, SIZES, BOXES, CLICKS))
    if in_place and annotated is None:
        unread.append(SOURCE)
    contents = Contents(
        legend, images, masks, frozenset(full), frozenset(everything), drawn, *words, folders=names, annotated=annotated
    )
    findings += findings_of_annotations(contents)
    return Inventory(root, contents, layers, tuple(table.name for table in tables), tuple(unread)), findings


def _declaration(root: Path) -> tuple[Declaration | None, list[Finding]]:
    """The declaration; `None` if it is invalid."""
    try:
        return read_declaration(root), []
    except DataInvalid as error:
        findings = findings_of(error, root / "dataset.toml", "correct the line; `weakseg new` writes an example")
        return None, [*findings, _unjudged(root)]


def _legend(
    root: Path, declaration: Declaration | None, images: Mapping[str, Path]
) -> tuple[Legend, Annotated | None, list[Finding]]:
    """The legend, or a substitute if it is invalid, and the annotation files.

    A legend without classes prevents checks of values.
    """
    if declaration is None:
        return Legend((), (), Classes(()), Declaration()), None, []
    of_annotations: Problems = []
    try:
        legend, annotated = read_annotated(root, declaration, images, of_annotations)
        return legend, annotated, _of_annotations(root, declaration, of_annotations)
    except DataInvalid as error:
        known = {id(problem) for problem in of_annotations}
        problems = [problem for problem in error.problems or (error,) if id(problem) not in known]
    files = (root / "dataset.toml", root / "classes.txt")
    said = [(p, next((file for file in files if p.found.startswith(str(file))), root)) for p in problems]
    findings = [f for p, file in said for f in findings_of(p, file, "correct the names of the classes")]
    findings = [*_of_annotations(root, declaration, of_annotations), *findings]
    names = declaration.classes or tuple(_lines(root / "classes.txt"))
    if any(double_meanings(names, declaration)):
        names = ()
    makeshift = Legend(names, tuple(range(len(names))), Classes(names), declaration)
    return makeshift, None, findings if names else [*findings, _unjudged(root)]


def _of_annotations(root: Path, declaration: Declaration, problems: Problems) -> list[Finding]:
    places = [root / path for path in declaration.annotations]
    found = []
    for problem in problems:
        place = next((place for place in places if problem.found.startswith(str(place))), *places[:1])
        found += findings_of(problem, place, "correct the annotations, and export them again")
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in read_text(path).rstrip().splitlines()]
    except DataInvalid:
        return []


def _unjudged(root: Path) -> Finding:
    found = "the values of label maps and the tables were not checked, because the classes are not known"
    return Finding(root, found, "", "correct the declaration of the classes, then check again", remark=True)


def _images(folder: Path, nested: bool, in_place: Collection[str]) -> tuple[dict[str, Path], list[Finding]]:
    problems: Problems = []
    images = list_files(folder, problems, nested)
    findings = _all_of(problems, folder, "put the images there")
    endings = f"files named *{', *'.join(EXTENSIONS)}"
    if not images and not problems:
        findings.append(Finding(folder, "there are no images", endings, "put the images there"))
    # Annotation files may lie beside their images.
    beside = any(path.split("/")[0] == folder.name for path in in_place)
    return images, [*findings, *images_left_out(folder, images, nested, beside)]


def _layer(folder: Path, images: Collection[str], legend: Legend, findings: list[Finding]) -> dict[str, Path]:
    """The label maps that belong to images."""
    problems, nested = [], legend.declaration.nested
    maps = label_maps(folder, images, problems, nested)
    strays = {key: file for key, file in list_files(folder, [], nested).items() if key not in images}
    of_parts, parts = findings_of_parts(folder, strays, images, maps, legend)
    findings += of_parts
    if maps or not parts:
        findings += _all_of(problems, folder, "rename the maps like their images, or remove the folder")
    strays = [file for key, file in strays.items() if key not in parts] if maps or parts else []
    findings += maps_left_out(folder, images, maps, nested)
    fix = "rename it like its image, add the image, or remove it"
    findings += [Finding(f, "it belongs to no image", "an image of the same name in images/", fix) for f in strays]
    return maps


def _all_of(problems: Problems, file: Path, fix: str) -> list[Finding]:
    return [finding for problem in problems for finding in findings_of(problem, file, fix)]
