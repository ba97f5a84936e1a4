"""File names that are independent of the working directory."""

import os
from pathlib import Path


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
