"""One process at a time trains into a run folder; the claim ends with the process, however it ends."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import BufferedRandom
from pathlib import Path

from weakseg.errors import RunInvalid, WriteRefused

_held: dict[Path, BufferedRandom] = {}
"""The folders of this process, which may be entered again within."""


class RunBusy(RunInvalid):
    """Another process trains into the run folder."""


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder, which need not exist yet.

    What is locked is the file `.NAME.lock` beside the folder. It stays: removed, it could be locked twice by one name.

    Raises:
        RunBusy: another process is in the folder.
        WriteRefused: nothing can be written there.
    """
    place = folder.resolve()
    if place in _held:
        yield
        return
    with _opened(place) as file:
        if not _locked(file):
            fix = "wait for it, or choose another --out"
            raise RunBusy(f"{folder} is being trained by {_owner(file)}", expected="one process a run", fix=fix)
        _sign(file)
        _held[place] = file
        try:
            yield
        finally:
            _held.pop(place, None)


def _opened(folder: Path) -> BufferedRandom:
    beside, inside = folder.with_name(f".{folder.name}.lock"), folder / ".weakseg.lock"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            return open(beside, "a+b")
        except OSError:
            # Else what is said would be that it is missing, and not why it cannot be made.
            if not folder.is_dir():
                raise
            # The folder may be all that can be written to, as where a container has it mounted.
            return open(inside, "a+b")
    except OSError as error:
        fix = "choose another --out, or make it writable"
        raise WriteRefused(f"{folder} cannot be written to: {error.strerror}", fix=fix) from error


def _owner(file: BufferedRandom) -> str:
    with suppress(OSError, UnicodeDecodeError):
        file.seek(0)
        said = file.read(200).decode().strip()
        if said.isprintable() and said:
            return said
    return "another process"


def _sign(file: BufferedRandom) -> None:
    # For people only: a full disk must not stop what can still be done.
    with suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n".encode())
        file.flush()


def _way() -> Callable[[BufferedRandom], bool]:
    """How this system locks an open file at once, or says that it is locked."""
    try:
        import fcntl
    except ImportError:
        # A system that has neither way can train all the same, as network folders without locks can.
        return _locked_by_windows if find_spec("msvcrt") else lambda file: True

    def locked(file: BufferedRandom) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # Some network folders know no locks; to train there is worth more than the lock.
            return True
        return True

    return locked


def _locked_by_windows(file: BufferedRandom) -> bool:
    import msvcrt

    # Far behind the text, so that others can read it.
    file.seek(1 << 30)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
    except OSError:
        return False
    return True


_locked = _way()


def _forget() -> None:
    """In a child, which would keep its parent's folders locked after the parent's end."""
    for file in _held.values():
        with suppress(OSError):
            file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
