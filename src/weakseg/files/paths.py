"""Names of files that mean the same from every working directory."""

import os
from pathlib import Path


def absolute(name: str) -> str:
    """The absolute path of what is there; a name under which nothing is there (one on a shelf, say) as it is."""
    if not Path(name).expanduser().exists():
        return name
    return os.path.abspath(Path(name).expanduser())


def same_place(one: str, other: str) -> bool:
    """Whether two texts name one existing file or folder, through links too."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
