"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from weakseg.errors import DataInvalid


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write(temporary path)`, then puts the result in place of `path`.

    Raises:
        DataInvalid: the disk is full or the folder may not be written to; an earlier file is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        mend = "make room, or write elsewhere"
        raise DataInvalid(f"{path} cannot be written: {error.strerror or error}", mend=mend) from error
