"""Data folders that are made whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weakseg.data.folder.new import DATASET
from weakseg.errors import DataInvalid
from weakseg.files.whole_file import unfinished


def require_new(into: Path) -> None:
    """Raise `DataInvalid` unless a data folder can be made there."""
    if os.path.lexists(into) and (not into.is_dir() or any(into.iterdir())):
        fix = "choose another name"
        raise DataInvalid(f"{into} already exists and is not empty", expected="a new or an empty folder", fix=fix)


@contextmanager
def new_folder(into: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `into` at the end, and is removed if anything fails.

    Raises:
        DataInvalid: it cannot be written.
    """
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(into.parent) as partial:
            yield partial
            if into.is_dir():
                into.rmdir()
            partial.chmod(0o777 & ~_umask())
            os.replace(partial, into)
    except OSError as error:
        raise DataInvalid(f"{into} cannot be written: {error.strerror or error}", fix="choose another place") from error


def declare(into: Path, classes: tuple[str, ...], *lines: str) -> None:
    """Write classes.txt and dataset.toml, with lines that differ from its defaults."""
    (into / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    (into / "dataset.toml").write_text("".join(f"{line}\n" for line in lines) + DATASET, encoding="utf-8")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
