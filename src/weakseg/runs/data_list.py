"""data.json in a run folder: the images and labels that a run was started with, so that others are noticed."""

import hashlib
import json
from pathlib import Path

from weakseg.data.folder.digest import changes, digests
from weakseg.errors import RunInvalid
from weakseg.files.regular_file import read_text
from weakseg.files.whole_file import write_whole
from weakseg.recipe.recipe import Recipe

FILE = "data.json"
Listed = dict[str, dict[str, str]]
"""For training and validation: the digest of each image with its labels, by key."""


def listed(recipe: Recipe) -> Listed:
    """The data of a recipe as it is now."""
    parts = {"training": recipe.training, "validation": recipe.validation}
    return {name: digests(samples) for name, samples in parts.items() if samples is not None}


def digest(data: Listed) -> str:
    """A short text that is another one for other training data."""
    return hashlib.sha256(json.dumps(data["training"]).encode()).hexdigest()[:32]


def keep(folder: Path, data: Listed) -> None:
    """Write the list down."""
    text = json.dumps({"digest": _digest(data), "data": data}, indent=0)
    write_whole(folder / FILE, lambda part: part.write_text(text))


def require_same(folder: Path, data: Listed, accepted: bool) -> list[str]:
    """Compare the data with that of the start; returns what to tell, where it is gone on with all the same.

    Raises:
        RunInvalid: it is other data, and that was not `accepted`.
    """
    path = folder / FILE
    if not path.exists() and not path.is_symlink():
        return [f"{path} is missing; whether the data is that of the start cannot be said"]
    try:
        before = _read(path)
    except RunInvalid as error:
        return [f"{error.found}; whether the data is that of the start cannot be said"]
    found = [f"{part}, {line}" for part in data for line in changes(before.get(part, {}), data[part])]
    if found and not accepted:
        raise RunInvalid(
            "\n".join([f"{folder} was started with other data. Since then:", *(f"  {line}" for line in found)]),
            expected="the images and labels it was started with",
            fix="put them back, start anew with another --out, or go on with the data as it is: --accept-changes",
        )
    return [f"going on with other data than at the start: {line}" for line in found]


def _read(path: Path) -> Listed:
    try:
        said = json.loads(read_text(path, RunInvalid))
        data = said["data"]
        if said["digest"] != _digest(data):
            raise ValueError("it was changed")
        return {part: dict(lines) for part, lines in data.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunInvalid(f"{path} is damaged ({error})") from error


def _digest(data: Listed) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
