"""Reading of regular files only.

A pipe, device or endless link can therefore never block a command.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from weakseg.errors import DataInvalid, WeaksegError

TEXT_BYTES = 256 * 2**20
"""Largest text file that is read, in bytes: five million rows of fifty letters. No table of labels is longer."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO (a named pipe)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregular(path: Path) -> str:
    """A description of a path that is no regular file.

    Empty for a regular file, and when nothing exists. Links are followed. Nothing is opened.
    """
    try:
        # `stat` follows links: a link to a file is as good as the file.
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "a link to a missing file" if path.is_symlink() else ""
    except OSError as error:
        return "a link to itself" if error.errno == errno.ELOOP else f"not accessible ({error.strerror})"
    except ValueError as error:
        return f"not a valid file name ({error})"
    return "" if stat.S_ISREG(mode) else next((kind for is_kind, kind in _KINDS if is_kind(mode)), "not a regular file")


def require_regular(path: Path, wrong: type[WeaksegError] = DataInvalid) -> None:
    """Raise `wrong` unless the path is a regular file."""
    _refuse_irregular(path, wrong)
    if not path.exists():
        raise wrong(f"{path} is missing")


def _refuse_irregular(path: Path, wrong: type[WeaksegError]) -> None:
    if kind := irregular(path):
        fix = "replace it with the file itself, or remove it"
        raise wrong(f"{path} is {kind}", expected="a file", fix=fix)


def open_regular(path: Path, wrong: type[WeaksegError] = DataInvalid) -> BufferedReader:
    """A regular file, opened for reading bytes without blocking.

    Raises:
        wrong: it is missing, not a regular file, or not readable.
    """
    _refuse_irregular(path, wrong)
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 (the caller closes it)
    except (FileNotFoundError, NotADirectoryError):
        raise wrong(f"{path} is missing") from None
    except OSError as error:
        raise wrong(f"{path} cannot be read: {error.strerror}", fix="check its permissions and the disk") from error
    # Asked of the open file: between the check of the name and the opening, the name may have come to mean something
    # else.
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise wrong(f"{path} is not a regular file", expected="a file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that replaced the file after the check above would block.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_bytes(path: Path, wrong: type[WeaksegError] = DataInvalid, most: int = TEXT_BYTES) -> bytes:
    """The bytes of a text file or record.

    Raises:
        wrong: it is missing, not a regular file, not readable, or has more than `most` bytes.
    """
    with open_regular(path, wrong) as file:
        # Of the open file again. At most that much is read, even if the file grows meanwhile.
        size = os.fstat(file.fileno()).st_size
        if size > most:
            found = f"{path} has {size:,} bytes"
            raise wrong(found, expected=f"at most {most:,}", fix="check that this is the intended file")
        try:
            return file.read(most)
        except OSError as error:
            raise wrong(f"{path} cannot be read: {error.strerror}", fix="check the disk") from error


def read_text(path: Path, wrong: type[WeaksegError] = DataInvalid, most: int = TEXT_BYTES) -> str:
    """The text of a UTF-8 file.

    A byte-order mark is dropped, and line ends become line feeds.

    Raises:
        wrong: as for `read_bytes`, or the encoding is not UTF-8.
    """
    try:
        text = read_bytes(path, wrong, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(f"{path} is not UTF-8 text ({error.reason})", fix="save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
