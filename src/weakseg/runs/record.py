"""The record of a run: run.json."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from weakseg.errors import RunInvalid
from weakseg.files.regular_file import irregular, read_text
from weakseg.recipe.earlier_records import with_schedules_in_phases
from weakseg.recipe.json_codec import decode

FORMAT = 2
"""The format of `run.json`.

Format 1, which no record states, named the module of every part; 2 gives public names, and leaves defaults out.
"""

_REQUIRED = {"recipe": dict, "classes": dict, "channels": int, "network_config": dict, "fingerprint": str}
"""Entries that a run cannot be opened without, and their types."""
_RESTORE = "restore the file from a backup, or train again with another --out"
Part = TypeVar("Part")


def read_record(folder: Path) -> dict[str, Any]:
    """The contents of a run folder's `run.json`.

    Raises:
        RunInvalid: the folder is no run folder, or its record is damaged or of a later version.
    """
    file = folder / "run.json"
    if kind := irregular(file):
        raise RunInvalid(f"{file} is {kind}", expected="a file", fix=_RESTORE)
    if not file.exists():
        raise RunInvalid(
            f"{folder} is not a run folder: it holds no run.json", fix="give the folder that weakseg train --out wrote"
        )
    try:
        record = dict(json.loads(read_text(file, RunInvalid)))
        _require_known_format(file, record)
        record["recipe"] = with_schedules_in_phases(record.get("recipe"))
        wrong = [name for name, kind in _REQUIRED.items() if not isinstance(record.get(name), kind)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is missing or damaged")
    except (ValueError, TypeError, RecursionError) as error:
        raise RunInvalid(f"{file} cannot be read: {error!s:.200}", fix=_RESTORE) from error
    return record


def _require_known_format(file: Path, record: dict[str, Any]) -> None:
    written = record.get("format", 1)
    if not isinstance(written, int) or written < 1:
        raise ValueError(f"its format is {written!r}")
    if written > FORMAT:
        raise RunInvalid(
            f"{file} has format {written}, of weakseg {record.get('weakseg', '(unknown version)')}",
            expected=f"format {FORMAT} or lower, which weakseg {version('weakseg')} reads",
            fix="open the run with that version of weakseg, or a later one",
        )


def part_of(folder: Path, name: str, recorded: Any, kind: type[Part]) -> Part:
    """A part of a run, made from its record.

    Args:
        folder: the run folder.
        name: the part's name, for messages.
        recorded: the part as the record has it.
        kind: the class that it must be of.

    Raises:
        RunInvalid: it cannot be made, or is of another class.
    """
    try:
        part = decode(recorded)
    except RunInvalid as error:
        raise error.at(folder / "run.json") from error
    # A damaged setting may have any value, so that whatever first uses it may raise anything.
    except Exception as error:
        raise damaged(folder, f"its {name} cannot be made: {type(error).__name__}: {error!s:.200}") from error
    if not isinstance(part, kind):
        raise damaged(folder, f"its {name} is {part!r:.200}")
    return part


def damaged(folder: Path, why: str) -> RunInvalid:
    """The error for a record that is damaged."""
    return RunInvalid(f"{folder / 'run.json'} is damaged: {why}", fix=_RESTORE)
