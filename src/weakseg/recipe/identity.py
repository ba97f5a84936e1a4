"""Comparison of a recipe with that of a run."""

import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from operator import is_
from typing import Any

from weakseg.recipe.json_codec import differences, encode
from weakseg.recipe.recipe import Recipe


def fingerprint(recipe: Recipe) -> str:
    """A digest that two recipes share if they are equal."""
    return hashlib.sha256(json.dumps(encode(recipe), sort_keys=True).encode()).hexdigest()[:16]


def located(tree: Any) -> Any:
    """The same parts with absolute paths.

    A record must mean the same in every working directory. Parts that have paths have a method `located`.
    """
    if type(tree) is tuple:
        parts = tuple(map(located, tree))
        # The same object where nothing changed: only what was moved is made anew.
        return tree if all(map(is_, parts, tree)) else parts
    if not is_dataclass(tree) or isinstance(tree, type):
        return tree
    held = {f.name: getattr(tree, f.name) for f in fields(tree) if f.init}
    moved = {name: located(part) for name, part in held.items()}
    changed = {name: part for name, part in moved.items() if part is not held[name]}
    tree = replace(tree, **changed) if changed else tree
    return tree.located() if hasattr(tree, "located") else tree


def what_differs(record: dict[str, Any], recipe: Recipe) -> list[str]:
    """The differences between a run's record and a recipe.

    The list is empty where both ask for the same training.

    Equal fingerprints are equal recipes, wherever the folder was moved to with its data; paths that are spelt
    differently are equal where they lead to the same files. Records of earlier versions, which name modules and every
    setting, are compared part by part.
    """
    # Paths are compared twice, absolute and as written: a run moved with its data differs in the former only.
    if record["fingerprint"] == fingerprint(recipe):
        return []
    found = differences(record["recipe"], located(recipe))
    # Different in both readings, or not at all.
    return found and differences(record["recipe"], recipe) and found
