"""Kinds of values that the fields of `dataset.toml` may have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weakseg.data.images.colours import written
from weakseg.data.images.nodata import A_MARK, as_text

A_COLOUR = '"#rrggbb", "transparent" or [red, green, blue] with numbers from 0 to 255'
"""Forms of a colour, in words."""


def _colours_in(value: Any) -> list[Any]:
    """The colours of one class.

    Both several colours and the channels of one are lists.
    """
    return value if isinstance(value, list) and not (value and all(map(_is_whole, value))) else [value]


def _is_whole(value: Any) -> bool:
    # In Python, true is the integer 1.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_names(value: Any, kind: type) -> bool:
    parts = list(value.values()) if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(part, str) for part in parts)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_whole(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_whole, value))


def _pairs(table: dict[str, Any]) -> tuple[tuple[str, str | None], ...]:
    """Pairs (class, text of a colour); `None` for what is not a colour."""
    return tuple((of, written(colour)) for of, colours in table.items() for colour in _colours_in(colours))


def _uses(table: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Triples (class or "", kind of mark, what it becomes)."""
    own = [(of, kind, use) for of, uses in table.items() if isinstance(uses, dict) for kind, use in uses.items()]
    return (*(("", kind, use) for kind, use in table.items() if isinstance(use, str)), *own)


def _are_uses(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(use, str) or _is_names(use, dict) for use in value.values())


@dataclass(frozen=True)
class Kind:
    """A kind of TOML value."""

    fits: Callable[[Any], bool]
    """Whether a value is of this kind."""
    expected: str
    """The kind in words."""
    read: Callable[[Any], Any] = lambda value: value
    """Conversion of a value of this kind to the field."""


_LIST_OF_NAMES = Kind(lambda value: _is_names(value, list), 'a list of names, ["a", "b"]', tuple)
_ONE_OR_SEVERAL = Kind(
    lambda value: _is_whole(value) or _are_whole(value),
    "a list of whole numbers, [0, 1, 4], or one of them",
    lambda value: tuple(value) if isinstance(value, list) else value,
)

KINDS_OF_DEFAULTS = {
    tuple: _LIST_OF_NAMES,
    bool: Kind(_is_flag, "true or false"),
    int: Kind(_is_whole, "a whole number"),
    str: Kind(_is_text, 'text in quotes, ""'),
}
"""Kinds of most fields, by the type of their default."""

KINDS = {
    "unlabeled": _ONE_OR_SEVERAL,
    "void": _ONE_OR_SEVERAL,
    "values": Kind(_are_whole, "a list of whole numbers, [0, 1, 4]", tuple),
    "background": Kind(_is_text, 'text in quotes, ""', lambda value: value or None),
    "merge": Kind(
        lambda value: _is_names(value, dict), 'a table of names, { horse = "cow" }', lambda value: tuple(value.items())
    ),
    "annotations": Kind(
        lambda value: isinstance(value, str) or _is_names(value, list),
        'a path inside the folder, "export.json", or a list of them',
        lambda value: (value,) if isinstance(value, str) else tuple(value),
    ),
    "marks": Kind(
        _are_uses, 'a table [marks] with lines like polygon = "box", and tables [marks.dog] for single classes', _uses
    ),
    "names": Kind(
        lambda value: _is_names(value, dict),
        'a table [names] with lines like Hund = "dog" or ruler = "ignore"',
        lambda value: tuple(value.items()),
    ),
    "nodata": Kind(lambda value: as_text(value) is not None, A_MARK, as_text),
    "everything_drawn": Kind(
        lambda value: _is_flag(value) or _LIST_OF_NAMES.fits(value),
        _LIST_OF_NAMES.expected,
        lambda value: ("*",) * value if _is_flag(value) else tuple(value),
    ),
    "range": Kind(
        lambda value: isinstance(value, list) and len(value) in (0, 2) and all(map(_is_number, value)),
        "two numbers, [0, 4095]",
        lambda value: tuple(value) or None,
    ),
    "colours": Kind(
        lambda value: isinstance(value, dict) and all(colour for _, colour in _pairs(value)),
        f"a table [colours], and for each class {A_COLOUR}; or several, [...]",
        _pairs,
    ),
}
"""Kinds of the other fields, by name."""
