"""Files of a data folder that are not read.

They are remarks if they may be there on purpose, and faults if they look like data: images or label maps one folder
deeper, or in a format that is not read.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from weakseg.data.folder.tables import READERS
from weakseg.data.images.image_file import EXTENSIONS
from weakseg.files.layout import MASKS, SCRIBBLES, is_of_label_maps
from weakseg.files.regular_file import irregular
from weakseg.finding import Finding, some

FOLDERS = ("images", MASKS, SCRIBBLES, "splits")
FILES = ("dataset.toml", "classes.txt", *READERS)
SLICES = "volumes.json"
"""The table of an import of volumes, which predictions of others may need."""
LABELMAP = "labelmap.txt"
"""CVAT's file of colours, which has its own finding."""
_LISTS = {
    "train.txt": "train.txt",
    "training.txt": "train.txt",
    "val.txt": "val.txt",
    "valid.txt": "val.txt",
    "validation.txt": "val.txt",
    "test.txt": "test.txt",
    "testing.txt": "test.txt",
}
"""Usual names of lists, in lower case, and the names that are read."""
STUDIO = "studio"
"""Folder of the journal that `weakseg studio` keeps."""
_QUIET = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}
"""Files that operating systems create, case-insensitive; names that begin with a dot are ignored too."""
_BESIDE = {"", ".txt", ".md", ".json", ".xml", ".csv", ".yaml", ".yml", ".log", ".html", ".pdf", ".ini", ".tfw", ".pgw"}
"""Extensions of files that accompany images."""
_NUMPY = "`PIL.Image.fromarray(numpy.load(file).astype(numpy.uint8)).save(name)`"
_TOOLS = (
    "if it is a file of an annotation tool, move it to the data folder itself and name it in dataset.toml:"
    " `annotations = ...`; or export the labels as PNG"
)
_INTO_PNG = {
    ".gif": "save each as a grey PNG: `with PIL.Image.open(file) as read: read.convert('L').save(name)`",
    ".npy": f"save each array as a PNG: {_NUMPY}",
    ".npz": "save each array as a PNG of whole numbers",
    ".gz": "save each slice as a PNG of whole numbers",
    ".nii": "save each slice as a PNG of whole numbers",
    ".json": _TOOLS,
    ".xml": _TOOLS,
}


@dataclass(frozen=True)
class _Others:
    """Other entries in a folder of images or label maps."""

    files: tuple[str, ...]
    """Names of the files that are not read."""
    folders: dict[str, tuple[str, ...]]
    """Readable files in each subfolder that is not read, as paths."""


def images_left_out(folder: Path, images: Collection[str], nested: bool, annotations: bool = False) -> list[Finding]:
    """Findings about entries of images/ that are not read.

    A fault if there are more of them than images that are read.

    Args:
        folder: the folder.
        images: keys of the images.
        nested: whether subfolders are read.
        annotations: whether annotation files among the images are read, which then account for other files.
    """
    others, found = _others(folder, nested), []
    others = replace(others, files=()) if annotations else others
    deeper = sum(map(len, others.folders.values()))
    if others.folders:
        fault = deeper > len(images)
        text = f"not read: {_counted(others.folders)}"
        found.append(_finding(folder, text, "images in the folder itself", _nested_mend("images"), fault))
    strange = [name for name in others.files if _ending(name) not in _BESIDE and _stem(name) not in images]
    if others.files:
        text, expected = f"not read: {some(others.files)}", f"files named *{', *'.join(EXTENSIONS)}"
        fix = "export them in one of these formats"
        found.append(_finding(folder, text, expected, fix, fault=len(strange) > len(images)))
    return found


def maps_left_out(folder: Path, images: Collection[str], maps: Collection[str], nested: bool) -> list[Finding]:
    """Findings about unread entries of a label folder.

    A fault if images without a map seem to have theirs there.
    """
    others, found = _others(folder, nested), []
    bare = {key for key in images if key not in maps}
    if others.folders:
        deeper = {_stem(Path(path).name) for paths in others.folders.values() for path in paths}
        fault = bool(deeper & bare) or (bool(deeper) and not maps)
        text = f"not read: {_counted(others.folders)}"
        mirrored = any((folder.parent / "images" / name).is_dir() for name in others.folders)
        fix = _nested_mend(folder.name) if mirrored else _flat_mend(folder.name, next(iter(others.folders)))
        found.append(_finding(folder, text, "label maps in the folder itself", fix, fault))
    if others.files:
        stems = {_stem(name) for name in others.files}
        labels = any(_ending(name) not in ("", ".txt", ".md") for name in others.files)
        fault = bool(stems & bare) or (labels and not maps)
        text = f"not read: {some(others.files)}"
        expected = "label maps as PNG or TIFF, named like their images"
        kinds = dict.fromkeys(
            _INTO_PNG.get(_ending(name), "save each as a PNG of whole numbers") for name in others.files
        )
        fix = f"{'; '.join(kinds)}; name each like its image" if fault else "nothing, if they are not labels"
        found.append(_finding(folder, text, expected, fix, fault))
    return found


def strangers(root: Path, read: Collection[str] = ()) -> list[Finding]:
    """Findings about unknown names in a data folder.

    They may be meant as labels or as a declaration. `read` has the names that are read as annotations.
    """
    found, others = [], []
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        name = entry.name
        if (
            name.startswith(".")
            or name.lower() in _QUIET
            or name in (*FILES, *FOLDERS, LABELMAP, SLICES, STUDIO, *read)
            or holds_label_maps(name)
        ):
            continue
        meant = next((known for known in (*FILES, *FOLDERS) if known == name.lower()), None)
        if name.lower() in _LISTS and not (root / "splits" / name.lower()).exists():
            fix = f"move it to splits/{name.lower()}"
            found.append(Finding(root / name, f"'{name}' is not read here", "lists in splits/", fix))
        elif meant and not (root / meant).exists():
            text = f"'{name}' is not read"
            found.append(Finding(root / name, text, f"the name '{meant}', in lower case", f"rename it to '{meant}'"))
        elif os.path.isdir(entry.path) or _ending(name) not in ("", ".md", ".py", ".html", ".pdf"):
            others.append(name)
    if others:
        known = (
            f"label maps in masks/ or in folders whose names begin with scribbles, tables named {', '.join(READERS)}"
        )
        fix = (
            "rename what is meant as labels, or name files of annotation tools in dataset.toml (`annotations = ...`);"
            " other files may stay"
        )
        found.append(Finding(root, f"not read: {some(others)}", known, fix, remark=True))
    return [*found, *_of_splits(root / "splits")]


def unfollowed(root: Path) -> Iterator[Finding]:
    """Findings about broken links, pipes and misplaced folders."""
    fix = "replace it with the file itself, or remove it"
    for path in (root / name for name in FILES):
        if kind := irregular(path):
            yield Finding(path, f"it is {kind}", "a file", fix)
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if (entry.name in FOLDERS or holds_label_maps(entry.name)) and not os.path.isdir(entry.path):
            kind = irregular(root / entry.name) or "a file"
            yield Finding(
                root / entry.name, f"it is {kind}", "a folder", "replace it with the folder itself, or remove it"
            )


def _of_splits(folder: Path) -> list[Finding]:
    """Findings about misnamed entries of splits/."""
    if not folder.is_dir():
        return []
    names, found = [e.name for e in os.scandir(folder) if not e.name.startswith(".")], []
    for name in sorted(names):
        meant = _LISTS.get(name.lower(), name)
        if meant not in names:
            text, fix = f"'{name}' is not a name of a split that is used", f"rename it to '{meant}'"
            found.append(Finding(folder / name, text, f"the name '{meant}'", fix))
    others = sorted(n for n in names if not n.endswith(".txt") and n.lower() not in {*_QUIET, *_LISTS})
    if others:
        text = f"not read: {some(others)}"
        found.append(Finding(folder, text, "lists of keys, named *.txt", "rename what is meant as a list", remark=True))
    return found


def holds_label_maps(folder_name: str) -> bool:
    """Whether a folder of this name contains label maps."""
    return is_of_label_maps(folder_name)


def _others(folder: Path, nested: bool) -> _Others:
    if not folder.is_dir():
        return _Others((), {})
    files, folders = [], {}
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name.lower() in _QUIET:
            continue
        readable = _ending(entry.name) in EXTENSIONS
        if not readable and os.path.isdir(entry.path):
            folders[entry.name] = tuple(_deeper(Path(entry.path)))
        elif not readable:
            files.append(entry.name)
    return _Others(tuple(sorted(files)), {} if nested else dict(sorted(folders.items())))


def _deeper(folder: Path) -> Iterator[str]:
    for at, _, names in os.walk(folder):
        yield from (f"{at}/{name}" for name in names if _ending(name) in EXTENSIONS)


def _counted(folders: dict[str, tuple[str, ...]]) -> str:
    each = [f"{name}/ ({len(paths)} file{'s' * (len(paths) != 1)})" for name, paths in folders.items()]
    return some(each)


def _nested_mend(name: str) -> str:
    return (
        f"write `nested = true` into dataset.toml to read subfolders as well (keys are then paths, 'folder/name', and"
        f" label maps are in folders of the same names); or move the files into {name}/ itself"
    )


def _flat_mend(name: str, subfolder: str) -> str:
    fix = f"move the maps into {name}/ itself, named like their images"
    if not name.startswith("scribbles"):
        return fix
    own = subfolder if subfolder.startswith("scribbles") else f"{name}_{subfolder}"
    return f"{fix}; with several annotators, use a folder for each, such as {own}/"


def _finding(folder: Path, found: str, expected: str, fix: str, fault: bool) -> Finding:
    return Finding(folder, found, expected, fix, remark=not fault)


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _stem(name: str) -> str:
    """The key of a file of another kind.

    It lacks all of `.nii.gz`.
    """
    return os.path.splitext(name)[0].removesuffix(".nii")
