"""Checks of a folder that a run is started in."""

import json
from pathlib import Path

from weakseg.errors import RunInvalid
from weakseg.files.whole_file import leftovers, remove_leftovers
from weakseg.runs.names import BEFORE, TARGETS

_BY_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini", ".weakseg.lock"}


def is_unused(path: Path) -> bool:
    """Whether a new run may be started in a folder."""
    try:
        require_unused(path, "")
    except RunInvalid:
        return False
    return True


def require_unused(path: Path, source: str) -> None:
    """Raise where a folder holds files of another origin.

    Files of file managers, and those of a start that was killed at once, do not count.

    Raises:
        RunInvalid: the path is no folder, or one that holds other files.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise RunInvalid(f"{path} exists and is not a folder", fix="choose another --out")
    if in_the_way := [entry.name for entry in path.iterdir() if entry.name not in _ours(path, source)]:
        some = ", ".join(sorted(in_the_way)[:3]) + (" ..." if len(in_the_way) > 3 else "")
        fix = "choose another --out, or continue the run in it with --resume"
        raise RunInvalid(f"{path} exists and is not empty: it holds {some}", fix=fix)


def _ours(path: Path, source: str) -> set[str]:
    """Names of files that a new run may replace."""
    partial = {entry.name for entry in leftovers(path)}
    names = _BY_THE_SYSTEM | partial | {entry.name for entry in path.glob("._*")}
    # A record that is cut off was never a run, so it may be replaced.
    unfinished = _is_unfinished(path / "run.json")
    if unfinished:
        names.add("run.json")
    # A start that was killed at once leaves these, and the same command has to work again.
    if partial or unfinished or _text(path / "recipe.py") == source:
        names.add("recipe.py")
    return names


def _is_unfinished(record: Path) -> bool:
    """Whether a record exists and is truncated.

    A run with such a record cannot be resumed.
    """
    if not record.is_file():
        return False
    try:
        json.loads(_text(record) or "")
    except (ValueError, RecursionError):
        return True
    return False


def _text(path: Path) -> str | None:
    try:
        return path.read_text() if path.is_file() else None
    except (OSError, ValueError):
        return None


def require_no_links(path: Path) -> None:
    """Raise where a subfolder of a run is a link.

    Files are written and removed in these folders, and must not be elsewhere.

    Raises:
        RunInvalid: a subfolder is a link, or no folder.
    """
    inner = [path / name for name in (TARGETS, BEFORE, "tensorboard")]
    # Links are not followed even to look for more of them.
    inner += [each for folder in inner[:2] if not folder.is_symlink() for each in folder.glob("epoch_*")]
    if linked := [str(each) for each in inner if each.is_symlink()]:
        raise RunInvalid(
            f"{', '.join(linked)} is a link to another folder, where training would write and remove files",
            expected="a folder in the run itself",
            fix="replace the link by the folder itself, or remove it",
        )
    if strange := [str(each) for each in inner if each.exists() and not each.is_dir()]:
        found = f"{', '.join(strange)} is no folder"
        raise RunInvalid(found, expected="a folder of the run", fix="remove it; what is missing is made again")


def tidy(path: Path) -> None:
    """Remove partial files that killed processes left.

    The run folder must be this process's alone.
    """
    for folder in (path, *path.glob(f"{TARGETS}/epoch_*"), *path.glob(f"{BEFORE}/epoch_*")):
        remove_leftovers(folder)
