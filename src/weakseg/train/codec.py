"""Frozen dataclasses to plain JSON and back, for a run's record.

Only weakseg's own dataclasses are ever constructed from a file: a record is data, and data runs no code.
Anything else is kept as text (`Foreign`), so that a record stays readable whatever was in the recipe.
"""

import re
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from weakseg.errors import RunInvalid


@dataclass(frozen=True)
class Foreign:
    """A part of a recipe that only the code which wrote it can make again."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def __call__(self, *arguments: Any) -> Any:
        """Raises `RunInvalid`: a recipe with an objective of the user's own can be read, but not run."""
        raise RunInvalid(f"{self.text} can only be run by your own code", mend="run the recipe file again")


def encode(value: Any) -> Any:
    """`value` as dicts, lists, numbers and text."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
        return {"type": _name(type(value)), **held}
    if isinstance(value, (tuple, list)):
        return [encode(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    named = callable(value) and hasattr(value, "__qualname__")
    # The address of an object is another one in every process, and would make of one recipe two.
    return {"foreign": _name(value) if named else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}


def decode(value: Any) -> Any:
    """What `encode` was given; parts that are not weakseg's own come back as `Foreign`."""
    if isinstance(value, list):
        return tuple(decode(part) for part in value)
    if not isinstance(value, dict):
        return value
    if "type" not in value:
        return Foreign(str(value.get("foreign", value)))
    module, _, name = value["type"].rpartition(".")
    if not module.startswith("weakseg."):
        return Foreign(value["type"])
    try:
        kind = getattr(import_module(module), name)
        if not isinstance(kind, type) or not is_dataclass(kind) or kind.__module__ != module:
            raise TypeError(f"{name} is no dataclass of {module}")
        return kind(**{key: decode(part) for key, part in value.items() if key != "type"})
    except (ImportError, AttributeError, TypeError) as error:
        raise RunInvalid(
            f"the record names {value['type']}, which this version cannot make: {error}",
            mend="open the run with the weakseg version named in its run.json",
        ) from error


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
