"""The published parts of one kind, so that the contract of each kind meets all of them."""

import inspect
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from weakseg.homes import DOORS

TESTS = Path(__file__).parent


def published(*members: str, called_with: tuple[str, ...] = ()) -> list[type]:
    """Public classes with these members, or whose call has these parameters; protocols are none of them."""
    homes = {name: home for door, names in DOORS.items() if door != "typing" for name, home in names.items()}
    things = [getattr(import_module(f"weakseg.{home}"), name) for name, home in homes.items()]
    kinds = [thing for thing in things if isinstance(thing, type)]
    if called_with:
        return [kind for kind in kinds if _parameters(kind) == called_with]
    return [kind for kind in kinds if {*members} <= {*dir(kind)}]


def with_examples(kinds: list[type], given: list) -> list:
    """The `EXAMPLES` of each kind that is not among the given ones, else one with its defaults.

    A kind that needs a setting and has no examples is left out; `missing` names it.
    """
    found = []
    for kind in kinds:
        if kind not in {type(each) for each in given}:
            examples = constant(kind.__module__.removeprefix("weakseg."), "EXAMPLES")
            found += ([] if _needed(kind) else [kind()]) if examples is None else examples
    return found


def constant(home: str, name: str) -> Any:
    """A constant in the test file of a module; `None` if the file or the constant is not there."""
    room, _, module = home.rpartition(".")
    path = TESTS / room.replace(".", "/") / f"test_{module}.py"
    if not path.exists() or f"\n{name} = " not in path.read_text():
        return None
    spec = spec_from_file_location(f"constants_of_{module}", path)
    assert spec
    assert spec.loader
    spec.loader.exec_module(loaded := module_from_spec(spec))
    return getattr(loaded, name)


def missing(kinds: list[type], given: list) -> list[str]:
    """Names of the kinds of which no example is given."""
    return [kind.__name__ for kind in kinds if kind not in {type(each) for each in given}]


def _parameters(kind: type) -> tuple[str, ...]:
    call = vars(kind).get("__call__")
    return tuple(inspect.signature(call).parameters)[1:] if call else ()


def _needed(kind: type) -> bool:
    """Whether it cannot be made without a setting."""
    return any(each.default is each.empty for each in inspect.signature(kind).parameters.values())
