"""The published parts of one kind, so that the contract of each kind meets all of them."""

import inspect
from importlib import import_module

from weakseg.homes import DOORS


def published(*members: str, called_with: tuple[str, ...] = ()) -> list[type]:
    """Public classes with these members, or whose call has these parameters; protocols are none of them."""
    homes = {name: home for door, names in DOORS.items() if door != "typing" for name, home in names.items()}
    things = [getattr(import_module(f"weakseg.{home}"), name) for name, home in homes.items()]
    kinds = [thing for thing in things if isinstance(thing, type)]
    if called_with:
        return [kind for kind in kinds if _parameters(kind) == called_with]
    return [kind for kind in kinds if {*members} <= {*dir(kind)}]


def with_defaults(kinds: list[type], given: list) -> list:
    """One of each kind that is not among the given ones and needs no setting; `missing` names the others."""
    return [kind() for kind in kinds if kind not in {type(each) for each in given} and not _needed(kind)]


def missing(kinds: list[type], given: list) -> list[str]:
    """Names of the kinds of which no example is given."""
    return [kind.__name__ for kind in kinds if kind not in {type(each) for each in given}]


def _parameters(kind: type) -> tuple[str, ...]:
    call = vars(kind).get("__call__")
    return tuple(inspect.signature(call).parameters)[1:] if call else ()


def _needed(kind: type) -> bool:
    """Whether it cannot be made without a setting."""
    return any(each.default is each.empty for each in inspect.signature(kind).parameters.values())
