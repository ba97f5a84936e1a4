"""How a command ends: whatever happened becomes one message and an exit code."""

import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from weakseg.console.terminal import Lost, forgiving_streams, quiet_libraries
from weakseg.errors import WeaksegError

_TOO_LITTLE = (
    *("out of memory", "not enough memory", "allocate memory", "bad_alloc", "failed to map segment"),
    *("can't start new thread", "could not create a primitive", "unable to mmap"),
)
"""What libraries say in errors of any kind where there is too little memory."""


_AFTERWARDS = {
    "train": "The same command goes on from the last checkpoint with --resume, once it had said that it was training; "
    "before, start it again.",
    "experiments": "The same command goes on from where it was.",
    "demo": "A demonstration is not gone on with: the next one begins anew, in a folder of its own; --epochs makes it "
    "shorter.",
}
"""What is to be done after a command was stopped, by its name."""


def end(app: Callable[[], object]) -> None:
    """Run a command line and exit: 0, what it says itself, 2 after a message, 128 + n after the signal n.

    A mistake of the user's, a damaged file, a lack of memory or a fault of ours is one message on standard error;
    never a traceback, unless WEAKSEG_DEBUG is set.
    """
    try:
        with quiet_libraries(), _signals() as received, forgiving_streams():
            message, code = _outcome(app, received)
            if message:
                print(f"weakseg: {message}", file=sys.stderr)
    except Lost as error:
        message, code = f"weakseg: {error}", 2
        print(message, file=sys.stderr)
    sys.exit(code)


def _outcome(app: Callable[[], object], received: list[int]) -> tuple[str, int]:
    try:
        app()
    except KeyboardInterrupt:
        return _stopped(received)
    except SystemExit as stop:
        # Typer turns Ctrl-C into this exit code, without a word.
        return _stopped(received) if stop.code == 128 + signal.SIGINT else ("", _code(stop))
    except WeaksegError as error:
        return str(error), 2
    except Exception as error:
        return _said(error), 2
    return "", 0


def _code(stop: SystemExit) -> int:
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _stopped(received: list[int]) -> tuple[str, int]:
    last = received[-1] if received else signal.SIGINT
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return f"Stopped. {_AFTERWARDS.get(command, '')}".strip(), 128 + last


def _said(error: Exception) -> str:
    """What happened and what to do, for errors that are none of ours."""
    if isinstance(error, MemoryError) or any(word in str(error) for word in _TOO_LITTLE):
        return (
            f"there is not enough memory ({_brief(error)})\n"
            "To do: close other programs or raise the limit (ulimit -v); or take smaller images, crops or batches, and "
            "fewer threads (OMP_NUM_THREADS=1). Files are whole; a training goes on with --resume"
        )
    if isinstance(error, RecursionError):
        return (
            "a file holds brackets within brackets, hundreds deep\n"
            "To do: see whether every file that was named is what it should be, or make it again"
        )
    if isinstance(error, UnicodeError):
        return f"a name or text cannot be written: {_brief(error)}\nTo do: rename it with letters of UTF-8"
    if isinstance(error, OSError):
        return f"{_printable(error.filename or 'a file')}: {error.strerror or error}"
    if os.environ.get("WEAKSEG_DEBUG"):
        raise error
    return (
        f"a fault of weakseg's own, please report it ({_brief(error)})\n"
        f"To do: send the details, {_details(error)}; or see them with WEAKSEG_DEBUG=1"
    )


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return _printable(f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": "))


def _printable(text: object) -> str:
    # Names that are not UTF-8 hold halves of letters, which no stream of text takes.
    return str(text).encode("utf-8", "backslashreplace").decode()


def _details(error: Exception) -> str:
    """Where the traceback was written; itself, where it could not be."""
    text = _printable("".join(traceback.format_exception(error)))
    try:
        descriptor, path = tempfile.mkstemp(prefix="weakseg-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"weakseg {' '.join(map(_printable, sys.argv[1:]))}\nPython {sys.version}\n\n{text}")
    except OSError:
        return text
    return f"which are in {path}"


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that asked to stop, which is done as after Ctrl-C, so that nothing half written is left."""
    received: list[int] = []

    def stop(number: int, _frame: object):
        received.append(number)
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # nohup has hang-ups ignored, and that stays so.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
