"""The classes of a data folder, by value, colour or name."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import category, normalize

import numpy as np
from jaxtyping import Int

from weakseg.data.folder.declaration import Declaration, one_of, suggestion
from weakseg.data.images.colours import is_painted
from weakseg.data.label_values.convention import UNDECLARED, Convention
from weakseg.data.label_values.habits import undeclared, values_of
from weakseg.data.label_values.paint import undeclared_colours
from weakseg.errors import DataInvalid
from weakseg.files.layout import MASKS, SCRIBBLES
from weakseg.files.regular_file import read_text
from weakseg.types import Classes

MOST_CLASSES = 65_536


@dataclass(frozen=True)
class Legend:
    """The classes of a folder, as declared and after merging."""

    declared: tuple[str, ...]
    """Names of the classes before merging, in the order of their values."""
    becomes: tuple[int, ...]
    """Index after merging of each declared class."""
    classes: Classes
    """The classes after merging."""
    declaration: Declaration

    @property
    def numbers(self) -> tuple[int, ...]:
        """The value of each merged class in masks."""
        return self.numbers_in(MASKS)

    def numbers_in(self, folder: str) -> tuple[int, ...]:
        """The value of each merged class in a folder's maps."""
        values = self.convention(folder).values
        return tuple(values[self._place[name]] for name in self.classes.names)

    def convention(self, folder: str) -> Convention:
        """The meaning of the values in a folder of label maps."""
        if folder not in self._conventions:
            self._conventions[folder] = self.declaration.convention(folder, self.declared)
        return self._conventions[folder]

    def index(self, name: str) -> int:
        """Index before merging of a class.

        The class is given by name, or by its line number in `classes.txt` counted from 0.

        Raises:
            DataInvalid: there is no such class.
        """
        if name in self._place:
            return self._place[name]
        # Longer numbers exceed any number of lines, and Python refuses to parse very long ones.
        if name.isdecimal() and len(name) <= 5 and int(name) < len(self.declared):
            return int(name)
        expected = one_of(self.declared)
        raise DataInvalid(f"unknown class '{name}'", expected=expected, fix=suggestion(name, self.declared))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: index for index, name in reversed([*enumerate(self.declared)])}

    @cached_property
    def _conventions(self) -> dict[str, Convention]:
        """A cache of the conventions, by folder."""
        return {}

    def labels(self, raw: Int[np.ndarray, "H W"], folder: str) -> Int[np.ndarray, "H W"]:
        """Class indices of a label map's values.

        `UNLABELED` for values that mean no class.

        Args:
            raw: the values, or the numbers of colours.
            folder: name of the map's folder, "masks" or another.

        Raises:
            DataInvalid: it has undeclared values.
        """
        convention = self.convention(folder)
        labels = convention.labels(raw, self.becomes)
        if labels.min(initial=0) == UNDECLARED:
            explained = undeclared_colours if is_painted(raw) else undeclared
            raise explained(values_of(raw, labels == UNDECLARED, convention.nothing), convention, self.declared)
        return labels


def read_legend(root: Path, declaration: Declaration) -> Legend:
    """The legend of a data folder.

    Raises:
        DataInvalid: classes are missing, duplicate or unknown, or merged in a circle; all problems at once.
    """
    names = declaration.classes or _class_lines(root / "classes.txt")
    if len(names) > MOST_CLASSES:
        place = root / ("dataset.toml" if declaration.classes else "classes.txt")
        expected = f"at most {MOST_CLASSES:,}, the number of values in a label map of 16 bits"
        fix = "list the names of classes, not of images or objects"
        raise DataInvalid(f"{place}: {len(names):,} classes", expected=expected, fix=fix)
    problems = _unknown_names(root, names, declaration)
    problems += [problem.at(root / "dataset.toml") for problem in double_meanings(names, declaration)]
    if problems:
        raise DataInvalid.of(problems)
    merge = dict(declaration.merge)
    left = tuple(name for name in names if name not in merge)
    # Merged classes have no index of their own: networks never see them.
    place = {name: index for index, name in enumerate(left)}
    background = place.get(declaration.background) if declaration.background else None
    classes = Classes(left, background, tuple(place[name] for name in declaration.unscored))
    return Legend(names, tuple(place[merge.get(name, name)] for name in names), classes, declaration)


def double_meanings(names: tuple[str, ...], declaration: Declaration) -> Iterator[DataInvalid]:
    """Errors for ambiguous values and colours in dataset.toml.

    Two classes, or a class and void, have the same one, or a class has none.
    """
    for folder in dict.fromkeys((MASKS, SCRIBBLES, *(name for name, _ in declaration.folders))):
        convention = declaration.convention(folder, names)
        where, values = f" of {folder}/", convention.values
        if len(values) != len(names):
            found = f"`values`{where} has {len(values)} entries for {len(names)} classes"
            yield DataInvalid(found, expected="a value for each class", fix="correct `values`")
            return
        if len({*values}) < len(values):
            twice = Counter(values).most_common(1)[0]
            yield DataInvalid(f"`values`{where} has {twice[0]} twice", fix="give each class its own value")
            return
        both = [value for value in convention.nothing if value in {*values}]
        if both and folder == MASKS:
            found = f"value {both[0]} of masks means both void and '{names[values.index(both[0])]}'"
            expected, fix = "different values", "set `void`, `first_value` or `values` in dataset.toml"
            yield DataInvalid(found, expected=expected, fix=fix)
    yield from _double_colours(names, declaration)
    if declaration.values and declaration.first_value:
        found = f"`first_value = {declaration.first_value}` is set beside `values`"
        yield DataInvalid(found, fix="remove `first_value`: `values` defines every class")


def _double_colours(names: tuple[str, ...], declaration: Declaration) -> Iterator[DataInvalid]:
    """Errors for colours with two meanings."""
    meant: dict[str, str] = {}
    for name, colour in declaration.colours:
        # As with values, `unlabeled` takes precedence over a class with the same colour.
        if name == "unlabeled" and name not in names:
            continue
        if colour in meant:
            found = f"`colours` gives {colour} to '{meant[colour]}' and to '{name}'"
            yield DataInvalid(found, expected="different colours", fix="correct one of them")
        meant.setdefault(colour, name)


def _class_lines(path: Path) -> tuple[str, ...]:
    if not os.path.lexists(path):
        raise DataInvalid(f"{path} is missing", fix="write the name of each class on a line of its own, in order")
    # Accents as one letter each, as in tables and file names.
    lines = [line.strip() for line in normalize("NFC", read_text(path)).rstrip().split("\n")]
    # An empty line in the middle would shift the index of every class below it.
    if "" in lines:
        blank = f"line {lines.index('') + 1}" if any(lines) else "the whole file"
        raise DataInvalid(f"{path}: {blank} is empty", expected="a class on each line; the line number is its index")
    return tuple(lines)


_RENAME = "rename the class; tables refer to classes by name, separated by ;"


def problem_of_name(name: str) -> str:
    """Why a class name cannot occur in tables, if so."""
    if not name.strip():
        return "a class has an empty name"
    if name != name.strip():
        return f"the class '{name}' begins or ends with a space"
    if ";" in name:
        return f"the class '{name}' has a ; in its name"
    if any(category(letter) in ("Cc", "Zl", "Zp") for letter in name):
        return f"the class {name!r} has a line break or another control character in its name"
    return ""


def _unknown_names(root: Path, names: tuple[str, ...], declaration: Declaration) -> list[DataInvalid]:
    """Errors for duplicate and unknown class names."""
    toml, twice = root / "dataset.toml", sorted(name for name, times in Counter(names).items() if times > 1)
    place = toml if declaration.classes else root / "classes.txt"
    problems = [DataInvalid(f"{place}: class '{name}' is named twice") for name in twice]
    problems += [DataInvalid(f"{place}: {problem}", fix=_RENAME) for problem in map(problem_of_name, names) if problem]
    merged, every = [name for name, _ in declaration.merge], dict.fromkeys(names)
    left = dict.fromkeys(name for name in names if name not in {*merged})
    spoken = [("merge", name, every) for name in merged]
    spoken += [("merge", into, left) for _, into in declaration.merge]
    spoken += [("unscored", name, left) for name in declaration.unscored]
    said = [declaration.instances, *(table.instances for _, table in declaration.folders)]
    spoken += [("instances", name, every) for name in said if name]
    spoken += [("colours", name, [*every, "void", "unlabeled"]) for name, _ in declaration.colours]
    if declaration.background not in (None, Declaration.background):
        spoken.append(("background", declaration.background, left))
    for where, name, known in spoken:
        if name not in known:
            found = f"{toml}: `{where}` names the class '{name}', which is unknown or merged into another"
            problems.append(DataInvalid(found, expected=one_of(known), fix=suggestion(name, known)))
    return problems
