"""Files that are written whole or not at all."""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weakseg.errors import WriteRefused
from weakseg.files.regular_file import irregular

_LEFTOVER = re.compile(r"\.weakseg-[0-9a-f]{16}\.partial|\..+\.\d+\.partial")
"""Names of `unfinished` folders; and of the files `.NAME.PROCESS.partial`, as earlier versions called theirs."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)`, then put the result in place of `path`; folders above it are made.

    Raises:
        WriteRefused: no regular file is there, the disk is full, or the folder may not be written to; an earlier
            file is as it was.
    """
    if kind := irregular(path):
        raise WriteRefused(f"{path} is {kind}", expected="a file, or nothing yet", fix="choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(path.parent) as folder:
            partial = folder / "whole"
            # Made here first, for its mode: some libraries would make a file that only its owner may read.
            partial.touch(exist_ok=False)
            mode = partial.stat().st_mode
            write(partial)
            if partial.stat().st_mode != mode:
                partial.chmod(mode)
            # Else a power cut may leave the new name with nothing in it.
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
        _sync_names(path.parent)
    except OSError as error:
        fix = "make room, or write elsewhere; what was there before is untouched"
        raise WriteRefused(f"{path} cannot be written: {error.strerror or error}", fix=fix) from error


@contextmanager
def unfinished(parent: Path) -> Iterator[Path]:
    """A new folder for what is not whole yet; it is gone in the end, with what was not moved out of it.

    In the same folder as the results, for only there a file takes another's place in one step. It is this user's
    alone, and its name cannot be foretold, so nobody can put a link where something is about to be written. The name
    does not depend on the results' names, which may be as long as the system allows.
    """
    folder = parent / f".weakseg-{secrets.token_hex(8)}.partial"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(folder: Path) -> list[Path]:
    """What processes that were killed left in a folder."""
    return [path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name)]


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left in a folder; only where no other process is writing there."""
    for path in leftovers(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Let a power cut after this not bring the old file back; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
