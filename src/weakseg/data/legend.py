"""Which class a number or a name in a data folder's label files stands for."""

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import category, normalize

import numpy as np
from jaxtyping import Int

from weakseg.data.declaration import Declaration, one_of, suggestion
from weakseg.errors import DataInvalid
from weakseg.regular_file import read_text
from weakseg.types import UNLABELED, Classes

MOST_CLASSES = 65_536

_UNDECLARED = -2
"""Class index of a value nobody declared; never leaves `Legend.labels`."""


@dataclass(frozen=True)
class Legend:
    """The classes of a folder, as its files write them and as they are trained."""

    declared: tuple[str, ...]
    """Names in the order of their values, before merging."""
    becomes: tuple[int, ...]
    """Index, after merging, of each declared class."""
    classes: Classes
    """The classes after merging."""
    declaration: Declaration

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number that label maps hold for each class after merging."""
        return tuple(self.declaration.first_value + self._place[name] for name in self.classes.names)

    def index(self, name: str) -> int:
        """Index before merging of a class given by name, or by its line number in `classes.txt` counted from 0.

        Raises:
            DataInvalid: there is no such class.
        """
        if name in self._place:
            return self._place[name]
        # So many digits that Python would not read them are no line's number either.
        if name.isdecimal() and len(name) <= 5 and int(name) < len(self.declared):
            return int(name)
        expected = one_of(self.declared)
        raise DataInvalid(f"unknown class '{name}'", expected=expected, mend=suggestion(name, self.declared))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: index for index, name in reversed([*enumerate(self.declared)])}

    def labels(self, raw: Int[np.ndarray, "H W"], nothing: int) -> Int[np.ndarray, "H W"]:
        """Class indices of a label map's values; `UNLABELED` where it holds the value `nothing`.

        Raises:
            DataInvalid: it holds values that are neither.
        """
        first, last = self.declaration.first_value, self.declaration.first_value + len(self.declared) - 1
        meaning = np.full(max(last, nothing) + 2, _UNDECLARED)
        meaning[first : last + 1] = self.becomes
        meaning[nothing] = UNLABELED
        # The last entry stands for every value that is too large, and -1 picks it for negative ones.
        labels = meaning[np.clip(raw, -1, len(meaning) - 1)]
        if labels.min(initial=0) == _UNDECLARED:
            values, counts = np.unique(raw[labels == _UNDECLARED], return_counts=True)
            told = ", ".join(f"{v} ({n} pixels)" for v, n in zip(values[:8].tolist(), counts.tolist(), strict=False))
            more = f" and {len(values) - 8} more" if len(values) > 8 else ""
            raise DataInvalid(
                f"{len(values)} undeclared value{'s' * (len(values) > 1)}: {told}{more}",
                expected=f"{first} to {last} (the classes) or {nothing} (nothing)",
                mend=_likely_mend(raw, values, (first, last), nothing),
            )
        return labels


def _likely_mend(
    raw: Int[np.ndarray, "H W"], undeclared: Int[np.ndarray, " N"], classes: tuple[int, int], nothing: int
) -> str:
    """What to do about undeclared values, by the habit of other programs that they look like."""
    first, last = classes
    values, counts = np.unique(raw, return_counts=True)
    step = int(np.gcd.reduce(values[values != nothing]))
    if len(undeclared) > 8:
        return "draw with a hard pen and resize without interpolation: blended edges make values between the classes"
    if step >= 20:
        return f"divide by {step}: the classes seem to be spread out as grey values, to be seen"
    if undeclared.tolist() == [last + 1] and nothing not in values:
        if values[counts.argmax()] == 0:
            return (
                "if 0 means that nobody drew and classes count from 1, in masks too, set `unlabeled = 0` and"
                f" `first_value = 1` in dataset.toml; else save classes from {first} on, and {nothing} for nothing"
            )
        return f"if {last + 1} means nothing, set `unlabeled` (in scribbles) or `void` (in masks) to it in dataset.toml"
    return "correct the file, or declare `unlabeled`, `void` or `first_value` in dataset.toml"


def read_legend(root: Path, declaration: Declaration) -> Legend:
    """The legend of a data folder.

    Raises:
        DataInvalid: classes are missing, named twice or unknown, or merged in a circle; all findings at once.
    """
    names = declaration.classes or _class_lines(root / "classes.txt")
    if len(names) > MOST_CLASSES:
        place = root / ("dataset.toml" if declaration.classes else "classes.txt")
        expected = f"at most {MOST_CLASSES:,}, as many as there are values in a label map of 16 bits"
        mend = "list the names of classes, not of images or objects"
        raise DataInvalid(f"{place}: {len(names):,} classes", expected=expected, mend=mend)
    problems = _unknown_names(root, names, declaration)
    first = declaration.first_value
    if first <= declaration.void < first + len(names):
        found = f"value {declaration.void} of masks means both void and '{names[declaration.void - first]}'"
        expected, mend = "a value of its own for each", "set `void` or `first_value` in dataset.toml"
        problems.append(DataInvalid(f"{root / 'dataset.toml'}: {found}", expected=expected, mend=mend))
    if problems:
        raise DataInvalid.of(problems)
    merge = dict(declaration.merge)
    left = tuple(name for name in names if name not in merge)
    place = {name: index for index, name in enumerate(left)}
    background = place.get(declaration.background) if declaration.background else None
    classes = Classes(left, background, tuple(place[name] for name in declaration.unscored))
    return Legend(names, tuple(place[merge.get(name, name)] for name in names), classes, declaration)


def _class_lines(path: Path) -> tuple[str, ...]:
    if not os.path.lexists(path):
        raise DataInvalid(f"{path} is missing", mend="write the name of each class on a line of its own, in order")
    lines = [line.strip() for line in normalize("NFC", read_text(path)).rstrip().split("\n")]
    if "" in lines:
        blank = f"line {lines.index('') + 1}" if any(lines) else "the whole file"
        raise DataInvalid(f"{path}: {blank} is empty", expected="a class on each line: the line's number is its index")
    return tuple(lines)


_RENAME = "rename the class; tables give classes by name, several of them apart by ;"


def _unspeakable(name: str) -> str:
    """What keeps a class's name from being said in a table; empty where nothing does."""
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
    """Findings about classes that are named twice, or that nobody knows."""
    toml, twice = root / "dataset.toml", sorted(name for name, times in Counter(names).items() if times > 1)
    place = toml if declaration.classes else root / "classes.txt"
    problems = [DataInvalid(f"{place}: class '{name}' is named twice") for name in twice]
    problems += [DataInvalid(f"{place}: {problem}", mend=_RENAME) for problem in map(_unspeakable, names) if problem]
    merged, every = [name for name, _ in declaration.merge], dict.fromkeys(names)
    left = dict.fromkeys(name for name in names if name not in {*merged})
    spoken = [("merge", name, every) for name in merged]
    spoken += [("merge", into, left) for _, into in declaration.merge]
    spoken += [("unscored", name, left) for name in declaration.unscored]
    if declaration.background not in (None, Declaration.background):
        spoken.append(("background", declaration.background, left))
    for where, name, known in spoken:
        if name not in known:
            found = f"{toml}: `{where}` names the class '{name}', which is unknown or merged into another"
            problems.append(DataInvalid(found, expected=one_of(known), mend=suggestion(name, known)))
    return problems
