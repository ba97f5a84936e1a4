"""What a prediction of several files had finished when it was interrupted."""

import json
from collections.abc import Mapping
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING

from weakseg.files.whole_file import write_whole

if TYPE_CHECKING:
    from weakseg.evaluation.files.predict_files import Outputs

UNFINISHED = ".weakseg-unfinished.json"
"""The file in the output folder that says which command writes to it; it is there until the command has ended well."""


def said_of(network: str, targets: Mapping[Path, "Outputs"]) -> str:
    """The command in words that change with its network, its images or its outputs."""
    images = [(str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns) for path in targets]
    written = [[file.name for file in target.files] for target in targets.values()]
    return json.dumps({"network": network, "images": images, "files": written})


def finished(out: Path, said: str, targets: Mapping[Path, "Outputs"]) -> list[Path]:
    """Images of which the same command, interrupted, has written everything.

    The file was written before any mask, while none was there, so that the masks are of that command.
    """
    mark = out / UNFINISHED
    if not mark.is_file() or mark.read_text(encoding="utf-8", errors="replace") != said:
        return []
    return [path for path, target in targets.items() if all(map(lexists, target.files))]


def begin(out: Path, said: str) -> None:
    """Say which command writes to the folder."""
    write_whole(out / UNFINISHED, lambda part: part.write_text(said, encoding="utf-8"))


def end(out: Path) -> None:
    """Forget the command, whose masks are all there."""
    (out / UNFINISHED).unlink(missing_ok=True)
