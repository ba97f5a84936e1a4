"""A recipe as Python source that makes it again."""

from dataclasses import fields, is_dataclass
from math import isinf
from typing import Any

from rich.pretty import pretty_repr

from weakseg.homes import door_of, public_name
from weakseg.recipe.recipe import Recipe


def source(recipe: Recipe) -> str:
    """The text of a recipe file.

    It holds the imports it needs, then `recipe = Recipe(...)`.

    Parts that are not dataclasses (a function, a module of the user's own) appear as their `repr`. The first line of
    such a file names them, because it must be completed by hand before it can be run.
    """
    _, others = _parts(recipe)
    warning = [f"# Not dataclasses, to be completed by hand: {', '.join(sorted(others))}"] if others else []
    return "\n".join([*warning, *imports(recipe), "", f"recipe = {pretty_repr(recipe, max_width=100)}", ""])


def imports(value: Any) -> list[str]:
    """The imports that the `repr` of a value needs."""
    kinds, _ = _parts(value)
    homes: dict[str, list[str]] = {}
    for kind in kinds - {float}:
        home = door_of(kind.__qualname__) if public_name(kind) else kind.__module__
        homes.setdefault(home, []).append(kind.__qualname__)
    lines = [_import(home, sorted(homes[home])) for home in sorted(homes)]
    return [*(["from math import inf"] if float in kinds else []), *lines]


def _import(home: str, names: list[str]) -> str:
    line = f"from {home} import {', '.join(names)}"
    return line if len(line) <= 100 else "\n".join([f"from {home} import (", *(f"    {each}," for each in names), ")"])


def is_own(tree: Any) -> bool:
    """Whether all parts of a recipe are weakseg's.

    Its source then makes it again on any machine.
    """
    kinds, others = _parts(tree)
    return not others and all(public_name(kind) for kind in kinds - {float})


def _parts(value: Any) -> tuple[set[type], set[str]]:
    if is_dataclass(value) and not isinstance(value, type):
        found = [_parts(getattr(value, f.name)) for f in fields(value) if f.init]
        return set().union({type(value)}, *(k for k, _ in found)), set().union(*(o for _, o in found))
    if isinstance(value, (tuple, list)):
        found = [_parts(part) for part in value]
        return set().union(*(k for k, _ in found)), set().union(*(o for _, o in found))
    if isinstance(value, float) and isinf(value):
        # The repr of infinity is the name `inf`, which must be imported.
        return {float}, set()
    known = value is None or isinstance(value, (bool, int, float, str))
    return set(), set() if known else {repr(value)}
