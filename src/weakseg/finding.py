"""What a check of a data set finds: which file is wrong, and what to do about it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from weakseg.errors import WeaksegError


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set, or worth knowing about it."""

    file: Path
    """The file or folder it is about."""
    found: str
    expected: str
    fix: str
    """What to do."""
    keys: tuple[str, ...] = ()
    """The images it is about, where it is about single ones."""
    remark: bool = False
    """True: worth knowing, but no reason to refuse the data set."""


def findings_of(error: WeaksegError, file: Path, fix: str, keys: tuple[str, ...] = ()) -> list[Finding]:
    """The findings that an error about one file tells of.

    Args:
        error: one problem or several.
        file: what was read when it was raised.
        fix: what to do where the error does not say.
        keys: the images it is about.
    """
    problems = error.problems or (error,)
    return [Finding(file, _about(file, p.found), p.expected, p.fix or fix, keys) for p in problems]


def _about(file: Path, found: str) -> str:
    """Errors name their file first; beside the file, the rest is enough."""
    return found.removeprefix(str(file)).lstrip(":, ")


def counted(names: Collection[str], of: Collection[str] = ()) -> str:
    """How many images these are, of how many: `1 image`, `3 of 12 images`."""
    if of:
        return f"{len(names)} of {len(of)} images"
    return f"{len(names)} image{'s' * (len(names) > 1)}"


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
