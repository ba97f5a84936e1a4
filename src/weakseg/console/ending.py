"""Conversion of every error into a message and exit code."""

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
"""Phrases by which errors of any library reveal a lack of memory."""


_AFTERWARDS = {
    "train": "To continue from the last checkpoint, repeat the command with --resume. If training had not begun yet, "
    "there is no checkpoint: repeat the command as it was.",
    "experiments": "Repeat the command to continue.",
    "demo": "A demonstration cannot be continued: the next one starts afresh, in a new folder. Use --epochs for a "
    "shorter one.",
}
"""The advice after an interruption, by command."""


def end(app: Callable[[], object]) -> None:
    """Run the command line and exit with a code.

    The codes are 0 on success, 2 after an error message, 128 + n after signal n, or the command's own. A user's
    mistake, a damaged file, a lack of memory or a bug in weakseg is reported as one message on standard error; a
    traceback is shown only when WEAKSEG_DEBUG is set.
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
        # Typer turns Ctrl-C into this exit code and prints no message.
        return _stopped(received) if stop.code == 128 + signal.SIGINT else ("", _code(stop))
    except WeaksegError as error:
        return str(error), 2
    except Exception as error:
        return _message_for(error), 2
    return "", 0


def _code(stop: SystemExit) -> int:
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _stopped(received: list[int]) -> tuple[str, int]:
    last = received[-1] if received else signal.SIGINT
    # The first word that is no option; advice after Ctrl-C depends on it.
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return f"Stopped. {_AFTERWARDS.get(command, '')}".strip(), 128 + last


def _message_for(error: Exception) -> str:
    """The message for an error that weakseg did not raise."""
    if isinstance(error, MemoryError) or any(word in str(error) for word in _TOO_LITTLE):
        return (
            f"there is not enough memory ({_brief(error)})\n"
            "To do: close other programs or raise the limit (ulimit -v); or use smaller images, crops or batches, and "
            "fewer threads (OMP_NUM_THREADS=1). No file is damaged; continue a training with --resume"
        )
    if isinstance(error, RecursionError):
        return (
            "a file contains brackets nested hundreds deep\n"
            "To do: check the files named on the command line, and recreate the damaged one"
        )
    if isinstance(error, UnicodeError):
        return f"a name or text cannot be encoded: {_brief(error)}\nTo do: rename it with valid UTF-8 characters"
    if isinstance(error, OSError):
        return f"{_printable(error.filename or 'a file')}: {error.strerror or error}"
    if os.environ.get("WEAKSEG_DEBUG"):
        raise error
    return (
        f"this is a bug in weakseg, please report it ({_brief(error)})\n"
        f"To do: include the details, {_details(error)}; WEAKSEG_DEBUG=1 shows them here"
    )


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return _printable(f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": "))


def _printable(text: object) -> str:
    # Names that are not UTF-8 contain surrogates, which text streams refuse.
    return str(text).encode("utf-8", "backslashreplace").decode()


def _details(error: Exception) -> str:
    """Where the traceback was saved, or else the traceback itself."""
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
    """The termination signals received so far.

    Each is handled like Ctrl-C, so that nothing half written is left behind.
    """
    received: list[int] = []

    def stop(number: int, _frame: object):
        received.append(number)
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # nohup ignores hang-ups, and a handler here would undo that.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
