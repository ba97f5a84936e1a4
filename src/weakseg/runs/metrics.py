"""What each epoch of a run came to: metrics.jsonl, one object per line."""

import json
from pathlib import Path
from typing import Any

from weakseg.errors import RunInvalid
from weakseg.files.regular_file import read_bytes, require_regular
from weakseg.files.whole_file import write_whole

_NUMBERS = ("epoch", "loss", "learning_rate", "seconds")
"""What every epoch has."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The epochs so far; a line that a kill left half written is no line.

    Raises:
        RunInvalid: another line is no object of numbers.
    """
    file = path / "metrics.jsonl"
    if not file.exists() and not file.is_symlink():
        return []
    require_regular(file, RunInvalid)
    lines = read_bytes(file, RunInvalid).decode(errors="replace").splitlines()
    metrics = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("}"):
            continue
        try:
            metrics.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            fix = "go on with weakseg train --resume, which writes the file again, or put it back from a copy"
            raise RunInvalid(f"{file}, line {number} cannot be read: {error}", fix=fix) from error
    return metrics


def sound(metrics: list[dict[str, Any]]) -> str:
    """What is wrong with metrics; empty for the epochs from 0 on, each once, with the numbers that all have."""
    for number, line in enumerate(metrics):
        if line.get("epoch") != number:
            return f"line {number + 1} should be of epoch {number + 1}"
        wrong = [name for name in _NUMBERS if not _is_number(line.get(name))]
        wrong += [name for name, value in line.items() if not all(map(_fits, _single(name, value)))]
        if wrong:
            return f"line {number + 1}: {', '.join(dict.fromkeys(wrong))} is no number"
    return ""


def _single(name: str, value: Any) -> list[Any]:
    """The numbers of an entry; scores by class are lists, scores by width of a band objects, a class is a name."""
    if name == "predicted_alone" and isinstance(value, str):
        return []
    if name in ("iou", "dice") and isinstance(value, list):
        return value
    return [*value.values()] if name == "trimap" and isinstance(value, dict) else [value]


def _fits(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_number(value: Any) -> bool:
    # Whole numbers may be too large for what draws them.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) > 1e300


def write_metrics(path: Path, metrics: list[dict[str, Any]]) -> None:
    """Put the epochs in place of those on disk."""
    text = "".join(json.dumps(line) + "\n" for line in metrics)
    write_whole(path / "metrics.jsonl", lambda part: part.write_text(text))
