"""What an objective is made of, as a tree of dataclasses."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def parts(objective: Any, kind: type[Kind]) -> Iterator[Kind]:
    """The parts of a kind that an objective holds, however deep; what such a part holds itself is not looked at."""
    # A class has the methods and fields too, but is no part and has none.
    if isinstance(objective, type):
        return
    if isinstance(objective, kind):
        yield objective
    elif isinstance(objective, (tuple, list)):
        for each in objective:
            yield from parts(each, kind)
    elif is_dataclass(objective):
        for field in fields(objective):
            yield from parts(getattr(objective, field.name), kind)
