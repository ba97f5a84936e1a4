"""What the numbers and names in a data folder mean: `dataset.toml`, `classes.txt`, and the classes that follow."""

import re
import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from weakseg.data.text_file import read_text
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED, Classes

UNDECLARED = -2
"""Class index of a value nobody declared; never leaves `Legend.labels`."""


@dataclass(frozen=True)
class Declaration:
    """What `dataset.toml` says; the defaults are what its absence means."""

    unlabeled: int = 255
    """Value of scribble maps that means "not annotated"; where it is also a class's value, that class is not drawn."""
    void: int = 255
    """Value of masks that means "must not be judged"."""
    classes: tuple[str, ...] = ()
    """Names, in the order of their values; empty: the lines of `classes.txt`."""
    background: str | None = "background"
    """Class that means "nothing else"; the default is ignored where no class has that name."""
    merge: tuple[tuple[str, str], ...] = ()
    """(class, class it becomes) pairs."""
    fully_labelled: tuple[str, ...] = ()
    """Keys, or patterns with * and ?, of the pictures whose mask is a training label."""
    first_value: int = 0
    """Value of the first class in label maps (napari and scikit-image count from 1 and leave 0 unlabeled)."""
    volume: str = ""
    """Regular expression; what it matches in a key names the volume a slice belongs to. Empty: the whole key."""
    unscored: tuple[str, ...] = ()
    """Classes left out of every mean, because the masks hold too little of them."""

    def __post_init__(self):
        for name in ("unlabeled", "void", "first_value"):
            if not 0 <= getattr(self, name) <= 65535:
                raise DataInvalid(f"{name} = {getattr(self, name)}", expected="a value of label maps, 0 to 65535")
        try:
            re.compile(self.volume)
        except re.error as error:
            raise DataInvalid(f"volume = '{self.volume}' is not a regular expression: {error}") from error


def read_declaration(path: Path) -> Declaration:
    """What the `dataset.toml` in a folder says; the defaults where there is none.

    Raises:
        DataInvalid: it is not TOML, or a key is unknown or has a value of the wrong kind; all of them at once.
    """
    path = path / "dataset.toml"
    if not path.exists():
        return Declaration()
    try:
        said = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise DataInvalid(f"{path} is not TOML: {error}") from error
    values, problems = {}, []
    for name, value in said.items():
        try:
            values[name] = _field(name, value)
        except DataInvalid as problem:
            problems.append(_placed(problem, path))
    if problems:
        raise DataInvalid.of(problems)
    try:
        return Declaration(**values)
    except DataInvalid as problem:
        raise _placed(problem, path) from problem


def _placed(problem: DataInvalid, place: Path) -> DataInvalid:
    return DataInvalid(f"{place}: {problem.found}", expected=problem.expected, mend=problem.mend)


def _field(name: str, value: Any) -> Any:
    """A field of the declaration from its TOML value."""
    known = [field.name for field in fields(Declaration)]
    if name not in known:
        raise DataInvalid(f"unknown key '{name}'", expected=f"one of {', '.join(known)}", mend=_suggested(name, known))
    default = getattr(Declaration, name)
    if name == "merge":
        fits, expected = _is_names(value, dict), 'a table of names, { horse = "cow" }'
        fitting = tuple(value.items()) if fits else ()
    elif isinstance(default, tuple):
        fits, expected = _is_names(value, list), 'a list of names, ["a", "b"]'
        fitting = tuple(value) if fits else ()
    elif isinstance(default, int):
        # In Python, true is the integer 1.
        fits, expected, fitting = isinstance(value, int) and not isinstance(value, bool), "a whole number", value
    else:
        fits, expected, fitting = isinstance(value, str), 'text in quotes, ""', value
    if not fits:
        raise DataInvalid(f"{name} = {value!r}", expected=expected)
    return None if name == "background" and value == "" else fitting


def _is_names(value: Any, kind: type) -> bool:
    parts = list(value.values()) if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(part, str) for part in parts)


def _suggested(name: str, known: list[str]) -> str:
    return " or ".join(f"write '{close}'" for close in get_close_matches(name, known, n=2))


@dataclass(frozen=True)
class Legend:
    """Which class a number or a name in a folder's label files stands for."""

    declared: tuple[str, ...]
    """Names in the order of their values, before merging."""
    becomes: tuple[int, ...]
    """Index, after merging, of each declared class."""
    classes: Classes
    """The classes after merging."""
    declaration: Declaration

    def index(self, name: str) -> int:
        """Index before merging of a class given by name, or by its line number in `classes.txt` counted from 0.

        Raises:
            DataInvalid: there is no such class.
        """
        if name in self.declared:
            return self.declared.index(name)
        if name.isdecimal() and int(name) < len(self.declared):
            return int(name)
        known = list(self.declared)
        raise DataInvalid(
            f"unknown class '{name}'", expected=f"one of {', '.join(known)}", mend=_suggested(name, known)
        )

    def labels(self, raw: Int[np.ndarray, "H W"], nothing: int) -> Int[np.ndarray, "H W"]:
        """Class indices of a label map's values; `UNLABELED` where it holds the value `nothing`.

        Raises:
            DataInvalid: it holds values that are neither.
        """
        first, last = self.declaration.first_value, self.declaration.first_value + len(self.declared) - 1
        meaning = np.full(max(last, nothing) + 2, UNDECLARED)
        meaning[first : last + 1] = self.becomes
        meaning[nothing] = UNLABELED
        # The last entry stands for every value that is too large, and -1 picks it for negative ones.
        labels = meaning[np.clip(raw, -1, len(meaning) - 1)]
        if labels.min(initial=0) == UNDECLARED:
            values, counts = np.unique(raw[labels == UNDECLARED], return_counts=True)
            told = ", ".join(f"{v} ({n} pixels)" for v, n in zip(values[:8].tolist(), counts.tolist(), strict=False))
            raise DataInvalid(
                f"{len(values)} undeclared value{'s' * (len(values) > 1)}: {told}",
                expected=f"{first} to {last} (the classes) or {nothing} (nothing)",
                mend="correct the file, or declare `unlabeled`, `void` or `first_value` in dataset.toml",
            )
        return labels


def read_legend(root: Path, declaration: Declaration) -> Legend:
    """The legend of a data folder.

    Raises:
        DataInvalid: classes are missing, named twice or unknown, or merged in a circle; all findings at once.
    """
    names = declaration.classes or _class_lines(root / "classes.txt")
    problems = _unknown_names(root, names, declaration)
    first = declaration.first_value
    if first <= declaration.void < first + len(names):
        problems.append(
            DataInvalid(
                f"{root}: value {declaration.void} of masks means both void and '{names[declaration.void - first]}'",
                expected="a value of its own for each",
                mend="set `void` or `first_value` in dataset.toml",
            )
        )
    if problems:
        raise DataInvalid.of(problems)
    merge = dict(declaration.merge)
    left = tuple(name for name in names if name not in merge)
    background = left.index(declaration.background) if declaration.background in left else None
    classes = Classes(left, background, tuple(left.index(name) for name in declaration.unscored))
    return Legend(names, tuple(left.index(merge.get(name, name)) for name in names), classes, declaration)


def _class_lines(path: Path) -> tuple[str, ...]:
    if not path.exists():
        raise DataInvalid(f"{path} is missing", mend="write the name of each class on a line of its own, in order")
    lines = [line.strip() for line in read_text(path).rstrip().splitlines()]
    if "" in lines or not lines:
        blank = f"line {lines.index('') + 1}" if lines else "the whole file"
        raise DataInvalid(f"{path}: {blank} is empty", expected="a class on each line: the line's number is its index")
    return tuple(lines)


def _unknown_names(root: Path, names: tuple[str, ...], declaration: Declaration) -> list[DataInvalid]:
    """Findings about classes that are named twice, or that nobody knows."""
    problems = [DataInvalid(f"{root}: class '{n}' is named twice") for n in sorted({*names}) if names.count(n) > 1]
    merged = [name for name, _ in declaration.merge]
    left = [name for name in names if name not in merged]
    spoken = [("merge", name, [*names]) for name in merged]
    spoken += [("merge", into, left) for _, into in declaration.merge]
    spoken += [("unscored", name, left) for name in declaration.unscored]
    if declaration.background not in (None, Declaration.background):
        spoken.append(("background", declaration.background, left))
    for where, name, known in spoken:
        if name not in known:
            expected = f"one of {', '.join(known)}"
            found = f"{root}: `{where}` names the class '{name}', which is unknown or merged into another"
            problems.append(DataInvalid(found, expected=expected, mend=_suggested(name, known)))
    return problems
