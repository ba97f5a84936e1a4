"""Frozen dataclasses as plain JSON, and back.

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
from weakseg.homes import HOMES, public_name
from weakseg.recipe.foreign import Foreign, foreign_parts

_FILES_OWN = re.compile(r"^(<run_path>|__main__)\.")
"""Module names of classes that a recipe file defines, when weakseg runs it and when Python does."""


def encode(value: Any) -> Any:
    """A value as dicts, lists, numbers and text."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: encode(getattr(value, f.name)) for f in fields(value) if f.init}
        # Defaults are left out, so that a new field of a later version does not make an old record another recipe.
        changed = {f.name: held[f.name] for f in fields(value) if f.init and not _is_default(f, held[f.name])}
        return {"type": _name(type(value)), **changed}
    if isinstance(value, (tuple, list)):
        return [encode(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    named = callable(value) and hasattr(value, "__qualname__")
    # An object's address differs in every process, and would make two recipes of one.
    return {"foreign": _name(value) if named else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))}


def decode(value: Any) -> Any:
    """The value that `encode` was given.

    Parts that are not weakseg's own come back as `Foreign`.

    A part that holds a foreign one is made without its checks, which would refuse it.

    Raises:
        RunInvalid: the record names a part that this version lacks, or settings that it refuses.
    """
    if isinstance(value, list):
        return tuple(decode(part) for part in value)
    if not isinstance(value, dict):
        return value
    if "type" not in value:
        return Foreign(str(value.get("foreign", value)))
    name = str(value["type"])
    # Names from a record lead to public names of weakseg alone, never to an import of something else.
    if not name.startswith("weakseg."):
        return Foreign(name)
    try:
        kind = _kind(name)
        held = {key: decode(part) for key, part in value.items() if key != "type"}
        return _without_checks(kind, held) if any(foreign_parts(tuple(held.values()))) else kind(**held)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise RunInvalid(
            f"the record names {name}, which this version of weakseg cannot make: {error}",
            fix="open the run with the version of weakseg that its run.json names",
        ) from error


def differences(recorded: Any, value: Any, where: str = "recipe") -> list[str]:
    """The differences between a record and a value, in words.

    The record may be of this version or an earlier one.
    """
    if is_dataclass(value) and not isinstance(value, type):
        if not isinstance(recorded, dict) or _short(recorded.get("type")) != _short(_name(type(value))):
            return [f"{where} is {_shown(recorded)} in the run, and {_name(type(value))} now"]
        known = {f.name: f for f in fields(value) if f.init}
        gone = [name for name in recorded if name != "type" and name not in known]
        found = [f"{where}.{name} is no longer a setting" for name in gone]
        for name, field in known.items():
            now = getattr(value, name)
            if name in recorded:
                found += differences(recorded[name], now, f"{where}.{name}")
            elif not _is_default(field, encode(now)):
                found.append(f"{where}.{name} has its default in the run, and is {_shown(encode(now))} now")
        return found
    if isinstance(value, (tuple, list)) and isinstance(recorded, list) and len(recorded) == len(value):
        pairs = zip(recorded, value, strict=True)
        return [each for i, (old, new) in enumerate(pairs) for each in differences(old, new, f"{where}[{i}]")]
    now = encode(value)
    if isinstance(now, dict) and isinstance(recorded, dict) and "foreign" in recorded:
        recorded = {"foreign": _renamed(str(recorded["foreign"]))}
    if recorded == now or isinstance(now, str) and isinstance(recorded, str) and same_place(recorded, now):
        return []
    return [f"{where} is {_shown(recorded)} in the run, and {_shown(now)} now"]


def _is_default(field: Field, encoded: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return default is not MISSING and encode(default) == encoded


def _kind(name: str) -> type:
    """The dataclass that a record names.

    It is named by its public name or, in records of format 1, with its module.
    """
    last = name.rpartition(".")[2]
    # Through the list of public names: a record cannot name a module.
    kind = getattr(import_module(f"weakseg.{HOMES[last]}"), last) if last in HOMES else None
    if not isinstance(kind, type) or not is_dataclass(kind):
        raise TypeError(f"weakseg has no part {last}")
    return kind


def _without_checks(kind: type, held: dict[str, Any]) -> Any:
    """An instance made without running its `__post_init__`."""
    known = {f.name: f for f in fields(kind) if f.init}
    if unknown := {*held} - {*known}:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    # Without `__init__`, whose checks would refuse a foreign part. Such an object is shown and compared, and never run.
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
    """The part of a name that no move changes."""
    return str(name).startswith("weakseg."), str(name).rpartition(".")[2]


def _shown(encoded: Any) -> str:
    text = str(encoded.get("type", encoded.get("foreign", encoded)) if isinstance(encoded, dict) else repr(encoded))
    return text if len(text) <= 200 else text[:197] + "..."
