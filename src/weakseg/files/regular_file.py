"""Files that are read: regular ones only, so that no pipe, device or link without an end can hang us."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from weakseg.errors import DataInvalid, WeaksegError

TEXT_BYTES = 256 * 2**20
"""The longest text or record that is read: five million rows of fifty letters. Longer ones are no table of labels."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO (a named pipe)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregular(path: Path) -> str:
    """What is there in place of a file, in words; empty where a file is, or nothing at all.

    Links are followed. Nothing is opened.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "a link to what is not there" if path.is_symlink() else ""
    except OSError as error:
        return "a link that leads to itself" if path.is_symlink() else f"not to be reached ({error.strerror})"
    except ValueError as error:
        return f"no name of a file ({error})"
    return "" if stat.S_ISREG(mode) else next((kind for is_kind, kind in _KINDS if is_kind(mode)), "no regular file")


def require_regular(path: Path, wrong: type[WeaksegError] = DataInvalid) -> None:
    """Raise `wrong` where no regular file is, before anything is opened."""
    _refuse_irregular(path, wrong)
    if not path.exists():
        raise wrong(f"{path} is missing")


def _refuse_irregular(path: Path, wrong: type[WeaksegError]) -> None:
    if kind := irregular(path):
        fix = "put the file itself in its place, or remove it"
        raise wrong(f"{path} is {kind}", expected="a file", fix=fix)


def open_regular(path: Path, wrong: type[WeaksegError] = DataInvalid) -> BufferedReader:
    """A regular file, opened for reading bytes; this never waits.

    Raises:
        wrong: it is missing, no regular file, or may not be read.
    """
    _refuse_irregular(path, wrong)
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 (the caller closes it)
    except (FileNotFoundError, NotADirectoryError):
        raise wrong(f"{path} is missing") from None
    except OSError as error:
        raise wrong(f"{path} cannot be read: {error.strerror}", fix="check who may read it, and the disk") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise wrong(f"{path} is no regular file", expected="a file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that has taken the file's place meanwhile would be waited for.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_bytes(path: Path, wrong: type[WeaksegError] = DataInvalid, most: int = TEXT_BYTES) -> bytes:
    """The bytes of a text or record.

    Raises:
        wrong: it is missing, no regular file, may not be read, or has more than `most` bytes.
    """
    with open_regular(path, wrong) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            found = f"{path} has {size:,} bytes"
            raise wrong(found, expected=f"at most {most:,}", fix="see whether it is the file that you mean")
        try:
            return file.read(most)
        except OSError as error:
            raise wrong(f"{path} cannot be read: {error.strerror}", fix="check the disk") from error


def read_text(path: Path, wrong: type[WeaksegError] = DataInvalid, most: int = TEXT_BYTES) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark; ends of lines become line feeds.

    Raises:
        wrong: as `read_bytes`, or it is in another encoding.
    """
    try:
        text = read_bytes(path, wrong, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(f"{path} is not UTF-8 text ({error.reason})", fix="save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
