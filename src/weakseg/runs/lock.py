"""A lock that keeps a run folder to one process.

It ends with the process, however that ends.
"""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import BufferedRandom
from pathlib import Path

from weakseg.errors import RunInvalid, WriteRefused

_held: dict[Path, BufferedRandom] = {}
"""Folders that this process has locked; it may lock them again."""


class RunBusy(RunInvalid):
    """Another process trains into the run folder."""


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock a run folder, which need not exist yet.

    The locked file is `.NAME.lock` beside the folder. It is never removed: two processes could then hold locks on two
    files of this name.

    Raises:
        RunBusy: another process trains into the folder.
        WriteRefused: the folder cannot be written to.
    """
    place = folder.resolve()
    # A training locks its folder, and what it calls may lock it again; without this it would be refused by itself.
    if place in _held:
        yield
        return
    with _opened(place) as file:
        if not _locked(file):
            fix = "wait for it, or choose another --out"
            raise RunBusy(f"{folder} is being trained by {_owner(file)}", expected="one process a run", fix=fix)
        _sign(file)
        # The open file is the lock: were it closed or collected, the lock would be gone.
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
            # The first error says why the folder cannot be made; the next one would only say that it is missing.
            if not folder.is_dir():
                raise
            # Containers often mount the run folder alone, and all around it is read-only.
            return open(inside, "a+b")
    except OSError as error:
        fix = "choose another --out, or make it writable"
        raise WriteRefused(f"{folder} cannot be written to: {error.strerror}", fix=fix) from error


def _owner(file: BufferedRandom) -> str:
    with suppress(OSError, UnicodeDecodeError):
        file.seek(0)
        name = file.read(200).decode().strip()
        if name.isprintable() and name:
            return name
    return "another process"


def _sign(file: BufferedRandom) -> None:
    # The name is for messages only, so a full disk must not stop the training here.
    with suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n".encode())
        file.flush()


def _way() -> Callable[[BufferedRandom], bool]:
    """The function that locks an open file on this system.

    It returns at once, and False where another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:
        # A system without locks can train all the same, as network file systems without them can.
        return _locked_by_windows if find_spec("msvcrt") else lambda file: True

    def locked(file: BufferedRandom) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # Some network file systems have no locks; to train there is worth more than the lock.
            return True
        return True

    return locked


def _locked_by_windows(file: BufferedRandom) -> bool:
    import msvcrt

    # Windows refuses reads of a locked range, so it lies far behind the owner's name.
    file.seek(1 << 30)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
    except OSError:
        return False
    return True


_locked = _way()


def _forget() -> None:
    """Release the locks that a forked child inherited.

    It would keep its parent's folders locked after the parent's end.
    """
    for file in _held.values():
        with suppress(OSError):
            file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
