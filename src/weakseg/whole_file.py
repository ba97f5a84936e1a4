"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from weakseg.errors import WriteRefused


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)`, then put the result in place of `path`; folders above it are made.

    Raises:
        WriteRefused: the disk is full or the folder may not be written to; an earlier file is as it was.
    """
    # In the same folder, for only there a file takes another's place in one step.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(partial)
            # Else a power cut may leave the new name with nothing in it.
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        mend = "make room, or write elsewhere; what was there before is untouched"
        raise WriteRefused(f"{path} cannot be written: {error.strerror or error}", mend=mend) from error
