"""The contents of a data folder, by listing its files.

No image is opened, so ten thousand of them take little time.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.folder.annotated import SOURCE, Annotated, read_annotated
from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.legend import Legend
from weakseg.data.folder.tables import READERS, Problems, find_key
from weakseg.data.images.image_file import EXTENSIONS
from weakseg.data.sample import Stroke
from weakseg.errors import DataInvalid
from weakseg.files.layout import ALL, BOXES, CLICKS, MASKS, SIZES, TAGS, TEST, TRAIN, VAL
from weakseg.files.regular_file import read_text


@dataclass(frozen=True)
class Contents:
    """The files and tables of a data folder, by image key."""

    legend: Legend
    images: dict[str, Path]
    masks: dict[str, Path]
    fully_labelled: frozenset[str]
    """Keys of the images whose mask is a training label."""
    everything_drawn: frozenset[str]
    """Keys of the images from which classes that are not drawn are absent."""
    drawn: tuple[dict[str, Path], ...]
    """Label maps of each source; later ones are drawn over earlier ones."""
    tags: dict[str, Int[np.ndarray, " C"]]
    areas: dict[str, Float[np.ndarray, "C 2"]]
    boxes: dict[str, Float[np.ndarray, "_ 5"]]
    clicks: dict[str, tuple[Stroke, ...]]
    folders: tuple[str, ...]
    """Names of the folders of `drawn`, each of which may have its own values."""
    annotated: Annotated | None = None
    """The annotation files that are read in place as labels."""


def read_contents(root: Path, labels: tuple[str, ...] | None, declaration: Declaration) -> tuple[Contents, Problems]:
    """The usable contents of a folder, and the problems found.

    Args:
        root: the folder.
        labels: names of label folders and tables, or paths elsewhere; `None`: all weak labels in the folder.
        declaration: the folder's declaration.

    Raises:
        DataInvalid: it has no images or no classes.
    """
    problems: Problems = []
    images = list_files(root / "images", problems, declaration.nested)
    if not images:
        expected = f"files named *{', *'.join(EXTENSIONS)}"
        nested = "" if declaration.nested else "; if they are in subfolders, write `nested = true` into dataset.toml"
        fix = f"put the images there{nested}"
        none = DataInvalid(f"{root / 'images'} holds no images", expected=expected, fix=fix)
        raise DataInvalid.of([*problems, none])
    in_place = bool(declaration.annotations) and (labels is None or SOURCE in labels)
    legend, annotated = read_annotated(root, declaration, images, problems, in_place)
    masks = label_maps(root / MASKS, images, problems, declaration.nested) if os.path.lexists(root / MASKS) else {}
    if labels is not None and in_place:
        labels = tuple(name for name in labels if name != SOURCE)
    sources = _sources(root, labels, problems)
    full = masks if root / MASKS in sources else declared_full(root, declaration, images, masks, problems)
    folders = [at for at in sources if at.name not in READERS and at != root / MASKS]
    maps = tuple(label_maps(at, images, problems, declaration.nested) for at in folders)
    said: dict[str, dict[str, Any]] = {name: {} for name in READERS}
    for source in sources:
        if source.name in READERS:
            rows, wrong = READERS[source.name](source, legend, images)
            said[source.name].update(rows)
            problems.extend(wrong)
    tables = (said[name] for name in (TAGS, SIZES, BOXES, CLICKS))
    everything = frozenset(declared_keys(root, declaration, "everything_drawn", images, problems))
    names = tuple(at.name for at in folders)
    contents = Contents(
        legend, images, masks, frozenset(full), everything, maps, *tables, folders=names, annotated=annotated
    )
    return contents, problems


def list_files(folder: Path, problems: Problems, nested: bool = False) -> dict[str, Path]:
    """The images or label maps in a folder, by key.

    The key is the file's name, or its path if `nested`, without the extension.
    """
    try:
        names = sorted(_paths(folder) if nested else (entry.name for entry in _entries(folder)))
    except OSError as error:
        problems.append(DataInvalid(f"{folder} cannot be listed: {error.strerror}"))
        return {}
    found: dict[str, Path] = {}
    for name in names:
        stem, extension = os.path.splitext(name)
        if extension.lower() not in EXTENSIONS:
            continue
        # Macs store accents separately from their letters; names typed elsewhere have one character.
        key = normalize("NFC", stem)
        # Names with a line break cannot stand in a list with a name a line.
        if not key.isprintable() and (wrong := _unspeakable(key)):
            shown = os.fsencode(name) if "UTF" in wrong else name
            found_text = f"{folder}: the name {shown!r} {wrong}"
            expected = "names that a line of a table or list can hold"
            problems.append(DataInvalid(found_text, expected=expected, fix="rename the file"))
            continue
        if key in found:
            fix = "rename or remove one of them"
            problems.append(DataInvalid(f"{found[key]} and {name} have the same key '{key}'", fix=fix))
        found.setdefault(key, folder / name)
    return found


def _unspeakable(key: str) -> str:
    """Why a name cannot occur in tables, if so."""
    kinds = {category(letter) for letter in key}
    if "Cs" in kinds:
        # Archives from old Windows machines hold such names, which Python represents with surrogates.
        return "is not UTF-8"
    return "holds a line break or another control character" if kinds & {"Cc", "Zl", "Zp"} else ""


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    return [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]


def _paths(folder: Path) -> Iterator[str]:
    """The files below a folder, as relative paths.

    A folder that several links lead to is visited once.
    """
    waiting, walked = [""], set()
    while waiting:
        within = waiting.pop()
        status = os.stat(folder / within)
        # By device and inode: a link to a folder above would be followed for ever.
        if (status.st_dev, status.st_ino) in walked:
            continue
        walked.add((status.st_dev, status.st_ino))
        # Real folders before links to them, so that keys are the paths that people see.
        for entry in sorted(_entries(folder / within), key=lambda entry: entry.is_symlink()):
            path = f"{within}{entry.name}"
            if os.path.isdir(entry.path):
                waiting.insert(0, f"{path}/") if entry.is_symlink() else waiting.append(f"{path}/")
            else:
                yield path


def read_split(root: Path, split: str, images: Collection[str]) -> tuple[tuple[str, ...], Problems]:
    """The keys of a split in file order, and its problems.

    Without a file, "all" is every image, and "train" is every image that no validation or test list names, if there is
    a val.txt.

    Raises:
        DataInvalid: there is no such split.
    """
    path = root / "splits" / f"{split}.txt"
    if not os.path.lexists(path):
        if split == ALL:
            return tuple(images), []
        if split == TRAIN and is_listed(root, split):
            return _rest(root, images)
        known = ", ".join(sorted({f"'{file.stem}'" for file in path.parent.glob("*.txt")} | {"'all'"}))
        fix = "write the key of each image on a line of its own"
        raise DataInvalid(f"{path} is missing", expected=f"one of the existing splits: {known}", fix=fix)
    keys: dict[str, int] = {}
    problems: Problems = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            key = find_key(line, images)
        except DataInvalid as problem:
            problems.append(problem.at(f"{path}, line {number}"))
            continue
        if key in keys:
            found = f"{path}, line {number}: '{key}' is in line {keys[key]} already"
            problems.append(DataInvalid(found, fix="remove one of the two lines"))
        keys.setdefault(key, number)
    if not keys and not problems:
        problems.append(
            DataInvalid(
                f"{path} is empty", expected="the key of an image on each line", fix="list keys, or remove the file"
            )
        )
    return tuple(keys), problems


def is_listed(root: Path, split: str) -> bool:
    """Whether the lists of a folder define a split.

    Images that val.txt leaves over are "train".
    """
    names = (split, VAL) if split == TRAIN else (split,)
    return any(os.path.lexists(root / "splits" / f"{name}.txt") for name in names)


def _rest(root: Path, images: Collection[str]) -> tuple[tuple[str, ...], Problems]:
    """The images that no validation or test list names."""
    held_back: set[str] = set()
    problems: Problems = []
    for file in sorted((root / "splits").glob("*.txt")):
        if VAL in file.stem or TEST in file.stem:
            keys, wrong = read_split(root, file.stem, images)
            held_back.update(keys)
            problems += wrong
    rest = tuple(key for key in images if key not in held_back)
    if not rest and not problems:
        found = f"{root / 'splits'} has no train.txt, and its other lists name every image"
        problems.append(DataInvalid(found, expected="images to train on", fix="list them in train.txt"))
    return rest, problems


def _sources(root: Path, labels: tuple[str, ...] | None, problems: Problems) -> list[Path]:
    """Paths of the training labels."""
    if labels is None:
        return [root / name for name in ("scribbles", *READERS) if os.path.lexists(root / name)]
    found = []
    for name in labels:
        places = [root / name, Path(name).expanduser()]
        there = [place for place in places if (any(place.iterdir()) if place.is_dir() else _is_table(place))]
        if there:
            found.append(there[0])
        else:
            expected = f"a folder of label maps, or one of {', '.join(READERS)}"
            problems.append(
                DataInvalid(f"no labels '{name}' in {root}, nor at {places[1].resolve()}", expected=expected)
            )
    return found


def _is_table(path: Path) -> bool:
    return path.is_file() and path.name in READERS


def label_maps(folder: Path, images: Collection[str], problems: Problems, nested: bool = False) -> dict[str, Path]:
    """The label maps in a folder that belong to images.

    If there are maps but none belongs to an image, that is a problem.
    """
    there = list_files(folder, problems, nested)
    maps = {key: path for key, path in there.items() if key in images}
    if there and not maps:
        found = f"{folder}: no label map is named after an image (one of them is {next(iter(there.values())).name})"
        problems.append(DataInvalid(found, expected=f"names like {next(iter(images))}.png"))
    return maps


def declared_keys(
    root: Path, declaration: Declaration, name: str, images: Collection[str], problems: Problems
) -> set[str]:
    """The images matched by a list in dataset.toml."""
    found = set()
    for pattern in getattr(declaration, name):
        meant = {key for key in images if key == pattern or fnmatchcase(key, pattern)}
        if not meant:
            problems.append(DataInvalid(f"{root / 'dataset.toml'}: `{name}` lists '{pattern}', which matches no image"))
        found |= meant
    return found


def declared_full(
    root: Path, declaration: Declaration, images: Collection[str], masks: Collection[str], problems: Problems
) -> set[str]:
    """The images declared fully labelled that have a mask."""
    full = declared_keys(root, declaration, "fully_labelled", images, problems)
    for key in sorted(full.difference(masks)):
        fix = f"add masks/{key}.png, or remove it from dataset.toml"
        problems.append(
            DataInvalid(f"{root / 'dataset.toml'}: '{key}' is declared fully labelled but has no mask", fix=fix)
        )
    return full.intersection(masks)
