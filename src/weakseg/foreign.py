"""Parts of a recipe that were made by somebody's own code, as a record shows them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from weakseg.errors import RunInvalid


@dataclass(frozen=True)
class Foreign:
    """A part of a recipe that only the code which wrote it can make again."""

    text: str
    """What made it."""

    def __repr__(self) -> str:
        return self.text

    def __call__(self, *arguments: Any) -> Any:
        """Raises `RunInvalid`: a recipe with an objective of the user's own can be read, but not run."""
        raise RunInvalid(f"{self.text} can only be run by your own code", fix="run the recipe file again")


def foreign_parts(value: Any) -> Iterator[str]:
    """The texts of all foreign parts that a tree of dataclasses and tuples holds."""
    if isinstance(value, Foreign):
        yield value.text
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from foreign_parts(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from foreign_parts(getattr(value, field.name))
