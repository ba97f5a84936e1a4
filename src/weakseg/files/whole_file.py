"""Atomic writing: a file is written whole or not at all."""

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
"""Names of `unfinished` folders, and of `.NAME.PROCESS.partial`, the temporary files of earlier versions."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically, by way of a temporary one.

    `write` is called with the temporary path; folders above `path` are created.

    Raises:
        WriteRefused: the path is not a regular file, the disk is full, or the folder is not writable; an earlier
            file is unchanged.
    """
    if kind := irregular(path):
        raise WriteRefused(
            f"{path} is {kind}",
            expected="a regular file, or a name that is not in use",
            fix="remove it, or choose another name",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(path.parent) as folder:
            partial = folder / "whole"
            # Created here for its mode: some libraries would create a file that only its owner may read.
            partial.touch(exist_ok=False)
            mode = partial.stat().st_mode
            write(partial)
            # Some libraries replace the file they are given by one of their own.
            if partial.stat().st_mode != mode:
                partial.chmod(mode)
            # Without this, a power cut may leave an empty file under the new name.
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            # Atomic on one file system, on Windows too, where `rename` refuses an existing target.
            os.replace(partial, path)
        _sync_names(path.parent)
    except OSError as error:
        fix = "free some space, or choose another place; the previous contents are unchanged"
        raise WriteRefused(f"{path} cannot be written: {error.strerror or error}", fix=fix) from error


@contextmanager
def unfinished(parent: Path) -> Iterator[Path]:
    """A temporary folder, removed at the end with its contents.

    It lies beside the results, because only within one file system does a rename replace a file atomically. It is
    private to this user and its name is random, so that another user cannot plant a link where a file is about to be
    written. The name does not depend on the results' names, which may be as long as the system allows.
    """
    folder = parent / f".weakseg-{secrets.token_hex(8)}.partial"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(folder: Path) -> list[Path]:
    """Temporary folders and files of processes that were killed."""
    return [path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name)]


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder.

    Call it only when no other process is writing there.
    """
    for path in leftovers(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Make a rename durable against power cuts, where possible."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
