"""Frozen dataclasses to plain JSON and back, for a run's record.

A part is recorded under its public name (`weakseg.Fit`) with the fields that differ from their defaults, so that a
record outlives moves of modules and new fields. Only weakseg's public dataclasses are ever made from a file: a record
is data, and data runs no code. Anything else is kept as text (`Foreign`), so that a record stays readable whatever
was in the recipe.
"""

import re
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from weakseg.errors import RunInvalid
from weakseg.files.paths import same_place
from weakseg.foreign import Foreign, foreign_parts
from weakseg.homes import HOMES, public_name

_FILES_OWN = re.compile(r"^(<run_path>|__main__)\.")
"""Modules of what a recipe file makes itself: when it is run by weakseg, and when it is run by Python."""


def encode(value: Any) -> Any:
    """`value` as dicts, lists, numbers and text."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
        told = {f.name: held[f.name] for f in fields(value) if f.init and not _is_default(f, held[f.name])}
        return {"type": _name(type(value)), **told}
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
    """What `encode` was given; parts that are not weakseg's own come back as `Foreign`.

    A part that holds a foreign one is made without its checks, which could not be met.

    Raises:
        RunInvalid: it names a part that this version does not have, or settings that it refuses.
    """
    if isinstance(value, list):
        return tuple(decode(part) for part in value)
    if not isinstance(value, dict):
        return value
    if "type" not in value:
        return Foreign(str(value.get("foreign", value)))
    name = str(value["type"])
    if not name.startswith("weakseg."):
        return Foreign(name)
    try:
        kind = _kind(name)
        held = {key: decode(part) for key, part in value.items() if key != "type"}
        return _without_checks(kind, held) if any(foreign_parts(tuple(held.values()))) else kind(**held)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RunInvalid(
            f"the record names {name}, which this version cannot make: {error}",
            fix="open the run with the weakseg version named in its run.json",
        ) from error


def differences(said: Any, value: Any, where: str = "recipe") -> list[str]:
    """What a record, of this version or one before, says otherwise than `value`, in words."""
    if is_dataclass(value) and not isinstance(value, type):
        if not isinstance(said, dict) or _short(said.get("type")) != _short(_name(type(value))):
            return [f"{where} is {_shown(said)} in the run, and {_name(type(value))} now"]
        known = {f.name: f for f in fields(value) if f.init}
        found = [f"{where}.{name} is no setting any more" for name in said if name != "type" and name not in known]
        for name, field in known.items():
            now = getattr(value, name)
            if name in said:
                found += differences(said[name], now, f"{where}.{name}")
            elif not _is_default(field, encode(now)):
                found.append(f"{where}.{name} has its default in the run, and is {_shown(encode(now))} now")
        return found
    if isinstance(value, (tuple, list)) and isinstance(said, list) and len(said) == len(value):
        pairs = zip(said, value, strict=True)
        return [each for i, (old, new) in enumerate(pairs) for each in differences(old, new, f"{where}[{i}]")]
    now = encode(value)
    if isinstance(now, dict) and isinstance(said, dict) and "foreign" in said:
        said = {"foreign": _renamed(str(said["foreign"]))}
    if said == now or isinstance(now, str) and isinstance(said, str) and same_place(said, now):
        return []
    return [f"{where} is {_shown(said)} in the run, and {_shown(now)} now"]


def _is_default(field: Field, encoded: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return default is not MISSING and encode(default) == encoded


def _kind(name: str) -> type:
    """The dataclass that a record names: by its public name, or, before there were these, with its module."""
    last = name.rpartition(".")[2]
    kind = getattr(import_module(f"weakseg.{HOMES[last]}"), last) if last in HOMES else None
    if not isinstance(kind, type) or not is_dataclass(kind):
        raise TypeError(f"weakseg has no part {last}")
    return kind


def _without_checks(kind: type, held: dict[str, Any]) -> Any:
    """An instance with all its fields, whose `__post_init__` is not run."""
    known = {f.name: f for f in fields(kind) if f.init}
    if unknown := {*held} - {*known}:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    made = object.__new__(kind)
    for name, field in known.items():
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if held.get(name, default) is MISSING:
            raise TypeError(f"{kind.__name__} needs {name}")
        object.__setattr__(made, name, held.get(name, default))
    return made


def _name(thing: Any) -> str:
    return public_name(thing) or _renamed(f"{thing.__module__}.{thing.__qualname__}")


def _renamed(text: str) -> str:
    return _FILES_OWN.sub("recipe.", text)


def _short(name: Any) -> tuple[bool, str]:
    """What of a name does not depend on where its module lies."""
    return str(name).startswith("weakseg."), str(name).rpartition(".")[2]


def _shown(encoded: Any) -> str:
    text = str(encoded.get("type", encoded.get("foreign", encoded)) if isinstance(encoded, dict) else repr(encoded))
    return text if len(text) <= 200 else text[:197] + "..."
