"""A file of records that grows, and that a killed process leaves usable.

Each record has a checksum. Whatever follows the last whole record is cut off when the file is opened again.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO
from zlib import crc32

from weakseg.errors import WriteRefused

_MAGIC = b"weakseg records 1\n"
_COUNTS = Struct("<QII")
"""Key and number of parts, and the checksum of all that follows."""
_SIZE = Struct("<I")


@dataclass(frozen=True, eq=False)
class RecordLog:
    """Records of several parts, by a whole number."""

    path: Path
    file: BinaryIO
    places: dict[int, tuple[tuple[int, int], ...]]
    """Offset and length of each part."""

    def append(self, key: int, parts: Sequence[bytes]) -> None:
        """Add a record, which survives the end of this process.

        Raises:
            WriteRefused: the disk is full; the records before are kept.
        """
        sizes = b"".join(_SIZE.pack(len(part)) for part in parts)
        check = crc32(b"".join([sizes, *parts]))
        end = self.file.seek(0, os.SEEK_END)
        try:
            self.file.write(b"".join([_COUNTS.pack(key, len(parts), check), sizes, *parts]))
            self.file.flush()
        except OSError as error:
            with suppress(OSError):
                self.file.truncate(end)
            found = f"{self.path} cannot grow: {error.strerror or error}"
            fix = "free some space and run the same command again: what is finished is kept there"
            raise WriteRefused(found, fix=fix) from error
        self.places[key] = _placed(end + _COUNTS.size + len(sizes), [len(part) for part in parts])

    def read(self, key: int, part: int) -> bytes:
        """A part of a record."""
        at, size = self.places[key][part]
        self.file.seek(at)
        return self.file.read(size)


@contextmanager
def record_log(path: Path, head: str) -> Iterator[RecordLog]:
    """A file of records, new or as it was left.

    Args:
        path: the file.
        head: what the records are of; a file with another one is refused.

    Raises:
        WriteRefused: it is of something else, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+b")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise WriteRefused(f"{path} cannot be written: {error.strerror}", fix="choose another place") from error
    with file:
        begins = _MAGIC + head.encode() + b"\n"
        file.seek(0)
        found = file.read(len(begins))
        if found != begins[: len(found)]:
            fix = f"remove {path} to begin anew, or name the files and the network it was begun with"
            raise WriteRefused(f"{path} was begun with another image, network or version", fix=fix)
        places: dict[int, tuple[tuple[int, int], ...]] = {}
        log = RecordLog(path, file, places)
        if len(found) < len(begins):
            _begin(log, begins)
        else:
            file.truncate(_scan(file, places))
        yield log


def _begin(log: RecordLog, begins: bytes) -> None:
    try:
        log.file.truncate(0)
        log.file.write(begins)
        log.file.flush()
    except OSError as error:
        raise WriteRefused(f"{log.path} cannot be written: {error.strerror}", fix="free some space") from error


def _scan(file: BinaryIO, places: dict[int, tuple[tuple[int, int], ...]]) -> int:
    """Find all whole records, and return where the last one ends."""
    end, there = file.tell(), os.fstat(file.fileno()).st_size
    while end + _COUNTS.size <= there:
        key, count, check = _COUNTS.unpack(file.read(_COUNTS.size))
        if end + _COUNTS.size + count * _SIZE.size > there:
            break
        raw = file.read(count * _SIZE.size)
        sizes = [_SIZE.unpack_from(raw, i * _SIZE.size)[0] for i in range(count)]
        following = end + _COUNTS.size + len(raw) + sum(sizes)
        if following > there or crc32(raw + file.read(sum(sizes))) != check:
            break
        places[key] = _placed(end + _COUNTS.size + len(raw), sizes)
        end = following
    return end


def _placed(start: int, sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
    placed = []
    for size in sizes:
        placed.append((start, size))
        start += size
    return tuple(placed)
