"""Problems and remarks that a data set check reports."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from weakseg.errors import WeaksegError


@dataclass(frozen=True)
class Finding:
    """One problem or remark about a data set."""

    file: Path
    """The file or folder that the finding is about."""
    found: str
    expected: str
    fix: str
    """The action that resolves it."""
    keys: tuple[str, ...] = ()
    """Keys of the images concerned; empty when it concerns the whole data set."""
    remark: bool = False
    """True when the finding is worth knowing but does not make the data set invalid."""


def findings_of(error: WeaksegError, file: Path, fix: str, keys: tuple[str, ...] = ()) -> list[Finding]:
    """The findings that describe an error about one file.

    Args:
        error: one problem or several.
        file: the file that was being read when it was raised.
        fix: the action to recommend when the error names none.
        keys: the images concerned.
    """
    problems = error.problems or (error,)
    return [Finding(file, _about(file, p.found), p.expected, p.fix or fix, keys) for p in problems]


def _about(file: Path, found: str) -> str:
    """The message without the file name that it starts with."""
    return found.removeprefix(str(file)).lstrip(":, ")


def counted(names: Collection[str], of: Collection[str] = ()) -> str:
    """A count of images: `1 image`, `3 of 12 images`."""
    if of:
        return f"{len(names)} of {len(of)} images"
    return f"{len(names)} image{'s' * (len(names) > 1)}"


def some(names: Sequence[str]) -> str:
    """The first four names, and the number of the others."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
