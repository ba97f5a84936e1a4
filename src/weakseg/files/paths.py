"""File names that are independent of the working directory."""

import os
import re
from pathlib import Path

from weakseg.errors import DataInvalid, WriteRefused

_OF_FILES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".npy", ".npz", ".csv", ".zip"}
"""Extensions of files, which a folder has only by mistake."""
_ELSEWHERE = re.compile(r"^/|\\|^.?:|(^|/)\.\.(/|\Z)", re.DOTALL)
"""The root, separators and drives of Windows, and the folder above."""


def require_folder(out: Path) -> None:
    """Raise `DataInvalid` unless results can be put into a folder.

    It may be new. A name such as mask.png would give a folder of that name where a file was meant.
    """
    if out.is_dir():
        return
    if os.path.lexists(out):
        raise DataInvalid(f"{out} is no folder", expected="a folder for the results", fix="choose another name")
    if out.suffix.lower() in _OF_FILES:
        found, fix = f"{out} is the name of a file", f"name a folder, such as {out.with_suffix('')}"
        raise DataInvalid(found, expected="a folder for the results, whose files are named like their images", fix=fix)


def leads_elsewhere(path: str) -> bool:
    """Whether a path with / between folders may name what lies outside its folder, on any system."""
    return _ELSEWHERE.search(path) is not None


def absolute(name: str) -> str:
    """The absolute path of an existing file.

    Any other name, such as that of a data set under `WEAKSEG_DATA`, is returned as it is.
    """
    if not Path(name).expanduser().exists():
        return name
    return os.path.abspath(Path(name).expanduser())


def same_place(one: str, other: str) -> bool:
    """Whether two names refer to the same existing file.

    Links are followed.
    """
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def require_new(path: Path, option: str) -> None:
    """Raise `WriteRefused` if something of that name exists.

    Args:
        path: a file or folder to be written.
        option: the option that names it, for the message.
    """
    # `lexists`, because writing through a dangling link would create a file elsewhere.
    if os.path.lexists(path):
        fix = f"move it away, or choose another {option}"
        raise WriteRefused(f"{path} exists already", expected="a new name", fix=fix)
