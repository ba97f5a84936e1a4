"""What a data folder says about itself: `dataset.toml`, or the defaults where there is none."""

import os
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from unicodedata import normalize

from weakseg.errors import DataInvalid
from weakseg.regular_file import read_text

_TOLD = 300
"""Names that a message lists."""


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
    if not os.path.lexists(path):
        return Declaration()
    try:
        said = tomllib.loads(normalize("NFC", read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise DataInvalid(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise DataInvalid(f"{path} nests brackets hundreds deep", expected="lists of names") from error
    values, problems = {}, []
    for name, value in said.items():
        try:
            values[name] = _field(name, value)
        except DataInvalid as problem:
            problems.append(problem.at(path))
    if problems:
        raise DataInvalid.of(problems)
    try:
        return Declaration(**values)
    except DataInvalid as problem:
        raise problem.at(path) from problem


def _field(name: str, value: Any) -> Any:
    """A field of the declaration from its TOML value."""
    known = [field.name for field in fields(Declaration)]
    if name not in known:
        raise DataInvalid(f"unknown key '{name}'", expected=f"one of {', '.join(known)}", mend=suggestion(name, known))
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


def one_of(known: Collection[str]) -> str:
    """The names that are known, or the first of very many."""
    return f"one of {', '.join(list(known)[:_TOLD])}" + f" and {len(known) - _TOLD:,} more" * (len(known) > _TOLD)


def suggestion(name: str, known: Collection[str]) -> str:
    """What somebody who wrote `name` may have meant, as advice; empty where nothing known is close."""
    if len(known) > _TOLD:
        # To compare with thousands takes a second, for every row of a table.
        known = [other for other in known if other.casefold() == name.casefold()]
    return " or ".join(f"write '{close}'" for close in get_close_matches(name, known, n=2))
