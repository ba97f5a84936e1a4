"""Metrics of a run: metrics.jsonl, one object per epoch."""

import json
from pathlib import Path
from typing import Any

from weakseg.errors import RunInvalid
from weakseg.files.regular_file import read_bytes, require_regular
from weakseg.files.whole_file import write_whole

_NUMBERS = ("epoch", "loss", "learning_rate", "seconds")
"""Entries that every epoch has."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics of the epochs so far.

    An incomplete last line, as a killed process leaves it, is skipped.

    Raises:
        RunInvalid: another line cannot be read.
    """
    file = path / "metrics.jsonl"
    if not file.exists() and not file.is_symlink():
        return []
    require_regular(file, RunInvalid)
    lines = read_bytes(file, RunInvalid).decode(errors="replace").splitlines()
    metrics = []
    for number, line in enumerate(lines, start=1):
        # A process that was killed while it wrote leaves half a line.
        if not line.endswith("}"):
            continue
        try:
            metrics.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            fix = "resume with weakseg train --resume, which rewrites the file, or restore it from a backup"
            raise RunInvalid(f"{file}, line {number}, cannot be read: {error}", fix=fix) from error
    return metrics


def sound(metrics: list[dict[str, Any]]) -> str:
    """The first error in metrics; empty where there is none.

    Sound metrics are those of the epochs from 0 on, each once, with the entries that all have.
    """
    for number, line in enumerate(metrics):
        # Lines count from epoch 0 without a gap; anything else is a file of two runs, or one that was edited.
        if line.get("epoch") != number:
            return f"line {number + 1} is not that of epoch {number + 1}"
        wrong = [name for name in _NUMBERS if not _is_number(line.get(name))]
        wrong += [name for name, value in line.items() if not all(map(_fits, _single(name, value)))]
        if wrong:
            return f"line {number + 1}: {', '.join(dict.fromkeys(wrong))} is not a number"
    return ""


def _single(name: str, value: Any) -> list[Any]:
    """The numbers of one entry.

    Scores by class are lists, scores by band width are objects, and a class is a name.
    """
    if name == "predicted_alone" and isinstance(value, str):
        return []
    if name in ("iou", "dice") and isinstance(value, list):
        return value
    return [*value.values()] if name == "trimap" and isinstance(value, dict) else [value]


def _fits(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_number(value: Any) -> bool:
    # Python's integers have no upper limit, but the charts compute in floating point.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) > 1e300


def write_metrics(path: Path, metrics: list[dict[str, Any]]) -> None:
    """Replace metrics.jsonl."""
    text = "".join(json.dumps(line) + "\n" for line in metrics)
    write_whole(path / "metrics.jsonl", lambda part: part.write_text(text))
