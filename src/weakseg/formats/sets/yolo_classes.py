"""Names of YOLO's classes, and its key points, in data.yaml or a list of names."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.tree import FileTree, Tree

_DECLARATIONS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Usual names of the declaration; any other YAML file that names classes will do."""
_LISTS = ("classes.txt", "obj.names", "classes.names", "_darknet.labels")
"""Files of one name a line."""
_MOST_BYTES = 2**20
"""Largest file of names that is read."""


@dataclass(frozen=True)
class YoloClasses:
    """What the numbers of a set mean."""

    names: dict[int, str] = field(default_factory=dict)
    """Name of each class by its number; empty if no file names them."""
    key_points: tuple[int, int] | None = None
    """How many key points an object has, and how many numbers each."""
    files: tuple[str, ...] = ()
    """The files that were read."""
    note: str = ""
    """A sentence on what was chosen."""

    def name_of(self, number: int) -> str:
        """The name of a class; its number where no file names any.

        Raises:
            DataInvalid: a file names classes, and not this one.
        """
        if not self.names:
            return str(number)
        if number not in self.names:
            raise DataInvalid(f"the class {number}, which {self.files[0]} does not name")
        return self.names[number]


_UNKNOWN = YoloClasses(note="no data.yaml or classes.txt names YOLO's classes, so they are called by their numbers")


def classes_above(tree: Tree) -> Callable[[str], YoloClasses]:
    """The classes that hold for a folder: the nearest file that names them, in it or above, decides."""

    @cache
    def of(folder: str) -> YoloClasses:
        if found := _named(tree, folder):
            return found
        return of(folder[: folder[:-1].rfind("/") + 1]) if folder else _UNKNOWN

    return of


def _named(tree: Tree, folder: str) -> YoloClasses | None:
    """What the files of one folder say; `None` if they name nothing."""
    if isinstance(tree, FileTree):
        there = [*_DECLARATIONS, *_LISTS]
    else:
        there = [name[len(folder) :] for name in tree.names if name.startswith(folder)]
    declarations = [name for name in there if name.endswith((".yaml", ".yml")) and "/" not in name]
    for name in sorted(declarations, key=lambda name: (name not in _DECLARATIONS, name)):
        if (content := _parsed(Entry(tree, folder + name))) and (names := _names(content.get("names"))):
            return YoloClasses(names, _key_points(content.get("kpt_shape")), (folder + name,))
    for name in _LISTS:
        if name in there and (names := _names(_text(Entry(tree, folder + name)).splitlines())):
            return YoloClasses(names, files=(folder + name,))
    return None


def _parsed(entry: Entry) -> dict[str, Any] | None:
    try:
        # Every word stays text: a class may be called "no", which is false in YAML.
        content = yaml.load(_text(entry), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _text(entry: Entry) -> str:
    """The text of a file; empty if there is none."""
    try:
        return entry.tree.read(entry.name, most=_MOST_BYTES).decode("utf-8-sig", errors="replace")
    except DataInvalid:
        return ""


def _names(listed: object) -> dict[int, str]:
    """Names by number, of a list or a table."""
    if isinstance(listed, dict):
        pairs = [(number, name) for number, name in listed.items() if str(number).isdecimal() and len(number) < 10]
    elif isinstance(listed, Iterable) and not isinstance(listed, str):
        pairs = list(enumerate(listed))
    else:
        return {}
    return {int(number): name.strip() for number, name in pairs if isinstance(name, str) and name.strip()}


def _key_points(shape: object) -> tuple[int, int] | None:
    if isinstance(shape, list) and len(shape) == 2 and all(str(side).isdecimal() for side in shape):
        count, numbers = int(shape[0]), int(shape[1])
        return (count, numbers) if 0 < count < 10_000 and numbers in (2, 3) else None
    return None
