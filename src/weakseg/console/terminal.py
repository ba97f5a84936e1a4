"""What a command does to its terminal: every text can be printed, the reader may leave, libraries are quiet."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Lost(Exception):
    """What was printed could not be written, and not because the reader had left."""


class _Forgiving(io.RawIOBase):
    """A stream that goes on where it cannot write: who trains for a day does not stop because a terminal was closed."""

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
    """Standard output and error that take every text and outlive their reader.

    Letters that the terminal's encoding lacks are replaced. `weakseg check DATA | head -1` ends as it would without
    the pipe.

    Raises:
        Lost: (in the end) standard output was a full disk, or another place that cannot be written to.
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
        raise Lost(f"what was printed could not be written: {error.strerror}")


def _forgiving(stream):
    # None without a console; a text in memory in tests and notebooks.
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
    """No warnings and log lines of libraries; what they mean for a user, our own messages say."""
    silence = logging.NullHandler()
    with warnings.catch_warnings():
        if not sys.warnoptions:
            # Warnings about lines of our own are faults of ours, and errors in the tests.
            warnings.filterwarnings("ignore", module=r"(?!weakseg\b)")
        # Where the root has no handler, Python prints what libraries log.
        logging.getLogger().addHandler(silence)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(silence)
