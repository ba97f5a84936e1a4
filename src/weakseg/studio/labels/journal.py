"""The journal of all marks: JSON lines, each whole or not there.

The revision of an image is the number of its lines. What a killed process left of a last line is cut off.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weakseg.errors import DataInvalid, WriteRefused
from weakseg.files.regular_file import read_bytes, require_regular
from weakseg.studio.labels.mark import Mark, written
from weakseg.studio.labels.refusals import TooMuch

MOST_MARKS = 20_000
"""Most lines of an image."""


@dataclass
class Journal:
    """Marks of all images, appended to a file."""

    path: Path
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    last: str = ""
    """Key of the image of the last line."""

    def revision(self, key: str) -> int:
        """The number of lines of an image."""
        return len(self.marks.get(key, ()))

    def append(self, key: str, mark: Mark) -> None:
        """Write a mark to the end of the file, and to the disk.

        Raises:
            TooMuch: the image has too many marks.
            WriteRefused: the disk is full or the file cannot be written; it is as it was.
        """
        number = self.revision(key) + 1
        if number > MOST_MARKS:
            raise TooMuch(f"{key} has {number - 1:,} marks", expected=f"at most {MOST_MARKS:,}")
        line = json.dumps({"image": key, "revision": number, "mark": written(mark)}, ensure_ascii=False) + "\n"
        try:
            _append_whole(self.path, line.encode())
        except OSError as error:
            fix = "free some space; the mark is not saved, all others are"
            raise WriteRefused(f"{self.path} cannot be written: {error.strerror}", fix=fix) from error
        self.marks.setdefault(key, []).append(mark)
        self.last = key


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal, after half a line at its end is cut off.

    Raises:
        DataInvalid: another line is damaged.
    """
    if not os.path.lexists(path):
        return []
    require_regular(path)
    held = read_bytes(path)
    whole = held[: held.rfind(b"\n") + 1]
    if len(whole) < len(held):
        os.truncate(path, len(whole))
    lines = []
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        try:
            said = json.loads(line)
            if not isinstance(said["image"], str) or not isinstance(said["mark"], dict):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            fix = "restore the file from a copy, or remove this line"
            raise DataInvalid(f"{path}, line {number} is damaged", fix=fix) from None
        lines.append(said)
    return lines


def strangers(lines: Sequence[dict[str, Any]], classes: Sequence[str], keys: Sequence[str], path: Path) -> None:
    """Raise `DataInvalid` where lines name images or classes that are gone."""
    images = {line["image"] for line in lines} - {*keys}
    named = {part.get("class") for line in lines for part in line["mark"].values() if isinstance(part, dict)}
    gone = named - {None, *classes}
    problems = [DataInvalid(f"{path}: the image '{key}' is gone", fix="put it back") for key in sorted(images)]
    problems += [
        DataInvalid(f"{path}: the class '{name}' is gone", fix="put it back") for name in sorted(map(str, gone))
    ]
    if problems:
        raise DataInvalid.of(problems)


def _append_whole(path: Path, line: bytes) -> None:
    with open(path, "ab") as file:
        before = file.tell()
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, before)
            raise
