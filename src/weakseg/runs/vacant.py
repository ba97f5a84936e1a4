"""What may lie in a folder that a run is started in, and what is cleaned up where one is entered."""

import json
from pathlib import Path

from weakseg.errors import RunInvalid
from weakseg.files.whole_file import leftovers, remove_leftovers
from weakseg.runs.names import BEFORE, TARGETS

_BY_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini", ".weakseg.lock"}


def is_vacant(path: Path) -> bool:
    """Whether nothing is there that anybody would miss."""
    try:
        require_vacant(path, "")
    except RunInvalid:
        return False
    return True


def require_vacant(path: Path, source: str) -> None:
    """Raise where something is in the way of a new run.

    What file managers leave, and what a start that was killed at once left, is not: nobody will miss it.

    Raises:
        RunInvalid: the path is no folder, or one that holds more.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir():
        raise RunInvalid(f"{path} exists and is no folder", fix="choose another --out")
    if in_the_way := [entry.name for entry in path.iterdir() if entry.name not in _ours(path, source)]:
        some = ", ".join(sorted(in_the_way)[:3]) + (" ..." if len(in_the_way) > 3 else "")
        fix = "choose another --out, or go on with it: --resume"
        raise RunInvalid(f"{path} exists and is not empty: it holds {some}", fix=fix)


def _ours(path: Path, source: str) -> set[str]:
    """Names that are in nobody's way."""
    partial = {entry.name for entry in leftovers(path)}
    names = _BY_THE_SYSTEM | partial | {entry.name for entry in path.glob("._*")}
    unfinished = _is_unfinished(path / "run.json")
    if unfinished:
        names.add("run.json")
    if partial or unfinished or _text(path / "recipe.py") == source:
        names.add("recipe.py")
    return names


def _is_unfinished(record: Path) -> bool:
    """Whether a record is there and was cut: nothing could be gone on with."""
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
    """Raise where a folder in a run, in which files are written and removed, lies elsewhere.

    Raises:
        RunInvalid: one is a link.
    """
    inner = [path / name for name in (TARGETS, BEFORE, "tensorboard")]
    inner += [each for folder in inner[:2] if not folder.is_symlink() for each in folder.glob("epoch_*")]
    if linked := [str(each) for each in inner if each.is_symlink()]:
        raise RunInvalid(
            f"{', '.join(linked)}: a link to a folder elsewhere, where files would be written and removed",
            expected="a folder in the run itself",
            fix="put the folder itself in the link's place, or remove the link",
        )


def tidy(path: Path) -> None:
    """Remove what processes that were killed left unfinished in a run folder that is this process's alone."""
    for folder in (path, *path.glob(f"{TARGETS}/epoch_*"), *path.glob(f"{BEFORE}/epoch_*")):
        remove_leftovers(folder)
