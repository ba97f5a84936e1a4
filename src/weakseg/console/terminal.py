"""Streams that survive unprintable text, closed pipes and noisy libraries."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Lost(Exception):
    """Output could not be written, for example to a full disk."""


class _Forgiving(io.RawIOBase):
    """A stream that ignores failed writes, and remembers the first.

    A training of a day must not stop because its terminal was closed.
    """

    def __init__(self, raw: io.RawIOBase):
        self._raw = raw
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, data, /) -> int | None:
        if self.error is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.error = error
        return len(data)


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """Standard streams that accept all text and survive closed pipes.

    Characters that the terminal's encoding lacks are replaced. `weakseg check DATA | head -1` ends as it would without
    the pipe.

    Raises:
        Lost: (on leaving) standard output is a full disk, or another place that cannot be written to.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_forgiving(stream) for stream in before)
    try:
        yield
    finally:
        inside = (sys.stdout, sys.stderr)
        for stream in inside:
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        sys.stdout, sys.stderr = before
        error = getattr(getattr(getattr(inside[0], "buffer", None), "raw", None), "error", None)
    if error is not None and not isinstance(error, BrokenPipeError):
        raise Lost(f"standard output could not be written: {error.strerror}")


def _forgiving(stream):
    # Without a console the stream is None; in tests and notebooks it may be in memory.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
        raw = getattr(stream.buffer, "raw", stream.buffer)
        if isinstance(raw, io.RawIOBase):
            stream.flush()
            return io.TextIOWrapper(
                io.BufferedWriter(_Forgiving(raw)),
                encoding=stream.encoding,
                errors="replace",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
    return stream


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence warnings and log lines of other libraries.

    weakseg's own messages say what they mean for the user.
    """
    silence = logging.NullHandler()
    with warnings.catch_warnings():
        if not sys.warnoptions:
            # Warnings about weakseg's own lines are bugs, and errors in the tests.
            warnings.filterwarnings("ignore", module=r"(?!weakseg\b)")
        # Without a handler at the root, Python prints the log lines of libraries.
        logging.getLogger().addHandler(silence)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(silence)
