"""Digests of a run's images and labels: data.json.

They show, when a run is resumed, whether its data has changed.
"""

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
"""Digests of each image with its labels, by key, for training and for validation."""


def listed(recipe: Recipe) -> Listed:
    """The digests of a recipe's data as it is now."""
    parts = {"training": recipe.training, "validation": recipe.validation}
    return {name: digests(samples) for name, samples in parts.items() if samples is not None}


def digest(data: Listed) -> str:
    """A short digest of the training data."""
    return hashlib.sha256(json.dumps(data["training"]).encode()).hexdigest()[:32]


def keep(folder: Path, data: Listed) -> None:
    """Write data.json."""
    text = json.dumps({"digest": _digest(data), "data": data}, indent=0)
    write_whole(folder / FILE, lambda part: part.write_text(text))


def require_same(folder: Path, data: Listed, accepted: bool) -> list[str]:
    """Compare the data with that of the run's start.

    Returns messages to print where training continues all the same.

    Raises:
        RunInvalid: the data has changed, and that was not `accepted`.
    """
    path = folder / FILE
    if not path.exists() and not path.is_symlink():
        # A message and no refusal: runs of earlier versions have no such file.
        return [f"{path} is missing, so it is unknown whether the data has changed since the start of the run"]
    try:
        before = _read(path)
    except RunInvalid as error:
        return [f"{error.found}, so it is unknown whether the data has changed since the start of the run"]
    # Images that were added, lost or changed are named: labels that improve meanwhile are as much another training as
    # lost ones.
    found = [f"{part}, {line}" for part in data for line in changes(before.get(part, {}), data[part])]
    if found and not accepted:
        raise RunInvalid(
            "\n".join([f"the data of {folder} has changed since its start:", *(f"  {line}" for line in found)]),
            expected="the images and labels it was started with",
            fix="restore them, start a new run with another --out, or continue with this data: --accept-changes",
        )
    return [f"continuing with data that has changed since the start of the run: {line}" for line in found]


def _read(path: Path) -> Listed:
    try:
        stored = json.loads(read_text(path, RunInvalid))
        data = stored["data"]
        if stored["digest"] != _digest(data):
            raise ValueError("it was changed after it was written")
        return {part: dict(lines) for part, lines in data.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunInvalid(f"{path} is damaged ({error})") from error


def _digest(data: Listed) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
