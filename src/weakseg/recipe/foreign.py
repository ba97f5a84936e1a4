"""Parts of a recipe that user code made.

A record shows them as texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from weakseg.errors import RunInvalid


@dataclass(frozen=True)
class Foreign:
    """A part that only the user's own code can make."""

    text: str
    """Name or `repr` of what made it."""

    def __repr__(self) -> str:
        return self.text

    def __call__(self, *arguments: Any) -> Any:
        """Raise `RunInvalid`, in place of the user's objective.

        Such a recipe can be read, but not run.
        """
        raise RunInvalid(f"{self.text} can only be run by your own code", fix="run the recipe file again")


def foreign_parts(value: Any) -> Iterator[str]:
    """Texts of all foreign parts in a recipe.

    Parts are searched for in dataclasses and tuples.
    """
    if isinstance(value, Foreign):
        yield value.text
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from foreign_parts(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from foreign_parts(getattr(value, field.name))
