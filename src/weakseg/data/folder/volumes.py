"""Detection of keys that look like slices of volumes."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from weakseg.data.name_pattern import found_in

_SLICE = re.compile(r"(?:[-_ ./]+[A-Za-z]{0,6}[-_ ]*|slice|slc|frame|z)(\d{1,9})$", re.IGNORECASE)
"""End of a key that counts slices: a number, possibly after a word."""
_PERSON = re.compile(r"(?:patient|pat|pt|person|subject|subj|sub|case|id|animal|mouse|rat|p|s)[-_ ]?\d+", re.IGNORECASE)
"""Beginning of a key that names the subject of a volume."""
_MOST_SHAPES = 3


@dataclass(frozen=True)
class Series:
    """Volumes suggested by the names of slices."""

    volume: str
    """Regular expression whose match in a key names the volume, as `dataset.toml` takes it."""
    group: str
    """Regular expression for what a split must not divide: the patient, if the names contain one."""
    volumes: dict[str, tuple[str, ...]]
    """Keys by volume."""


def proposed(keys: Sequence[str]) -> Series | None:
    """The volumes suggested by the keys, if any.

    Keys look like slices if several volumes have several of them, numbered in steps.
    """
    volumes: dict[str, list[str]] = defaultdict(list)
    numbers: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        end = _SLICE.search(key)
        name = key[: end.start()] if end else ""
        if end is None or not any(map(str.isdecimal, name)):
            return None
        volumes[name].append(key)
        numbers[name].append(int(end[1]))
    many = [each for each in numbers.values() if len(each) > 1 and max(each) - min(each) <= 2 * len(each)]
    if len(volumes) < 2 or sum(map(len, many)) < 0.8 * len(keys):
        return None
    volume = _expression(volumes)
    persons = {found[0] for name in volumes if (found := _PERSON.match(name))}
    whole = persons and all(_PERSON.match(name) for name in volumes)
    group = _expression(persons) if whole and len(persons) > 1 else volume
    if not volume or any(found_in(volume, key) != name for name, members in volumes.items() for key in members):
        return None
    return Series(volume, group or volume, {name: tuple(members) for name, members in volumes.items()})


def group_of(key: str, expression: str) -> str:
    """The group of a key by an expression.

    It is the key itself without an expression or a match.
    """
    return (found_in(expression, key) or key) if expression else key


def _expression(names: Collection[str]) -> str:
    """An expression for names that differ in their numbers.

    Empty if they differ in too much else.
    """
    shapes = {re.sub(r"\d+", lambda _: r"\d+", _escaped(name)) for name in names}
    return (
        "|".join(f"^{shape}" for shape in sorted(shapes, key=len, reverse=True)) if len(shapes) <= _MOST_SHAPES else ""
    )


def _escaped(name: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", name)
