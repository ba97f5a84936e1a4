"""Whether a recipe is the one that a run was started with."""

import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from operator import is_
from typing import Any

from weakseg.recipe.json_codec import differences, encode
from weakseg.recipe.recipe import Recipe


def fingerprint(recipe: Recipe) -> str:
    """A short text that two recipes share only if they ask for the same training."""
    return hashlib.sha256(json.dumps(encode(recipe), sort_keys=True).encode()).hexdigest()[:16]


def located(tree: Any) -> Any:
    """The same parts with absolute paths, where they know how: a record must mean the same in every directory."""
    if type(tree) is tuple:
        parts = tuple(map(located, tree))
        return tree if all(map(is_, parts, tree)) else parts
    if not is_dataclass(tree) or isinstance(tree, type):
        return tree
    held = {f.name: getattr(tree, f.name) for f in fields(tree) if f.init}
    moved = {name: located(part) for name, part in held.items()}
    changed = {name: part for name, part in moved.items() if part is not held[name]}
    tree = replace(tree, **changed) if changed else tree
    return tree.located() if hasattr(tree, "located") else tree


def what_differs(record: dict[str, Any], recipe: Recipe) -> list[str]:
    """What a run's record says otherwise than a recipe; empty where both ask for the same training.

    The same text is the same recipe wherever it was moved to, data and all; another spelling is the same where it
    leads to the same files. Records of before, which name modules and every setting, are compared part by part.
    """
    if record["fingerprint"] == fingerprint(recipe):
        return []
    found = differences(record["recipe"], located(recipe))
    return found and differences(record["recipe"], recipe) and found
