"""Cache folders of compiled kernels.

Code is loaded from there, so no other user may be able to write to them.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import config as numba_settings
from numba import njit


def cached(kernel: Callable, **how: Any) -> Callable:
    """numba's compiler, cached on disk wherever possible.

    Otherwise each process compiles anew.

    numba caches beside the package or in the user's home. Where it may write to neither, it refuses to compile: then a
    private folder under the temporary directory is used.
    """
    if _numba_can_cache(kernel):
        try:
            return njit(nogil=True, cache=True, **how)(kernel)
        except RuntimeError:  # no place can be written to
            pass
    folder = private_folder()
    # Inside an archive there is no file whose time could tell whether a cached kernel is out of date.
    if folder is None or not os.path.exists(kernel.__code__.co_filename):
        return njit(nogil=True, **how)(kernel)
    # numba reads this setting when a function is decorated, and has no argument for it. It is put back at once, because
    # it concerns the kernels of the whole process.
    settings: Any = numba_settings
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
    try:
        return njit(nogil=True, cache=True, **how)(kernel)
    finally:
        settings.CACHE_DIR = before


def _numba_can_cache(kernel: Callable) -> bool:
    """Whether numba can use its own cache folder.

    False where it would notice a failure too late, or depend on the working directory.
    """
    home = os.path.expanduser("~")
    in_an_archive = not os.path.exists(kernel.__code__.co_filename)
    return os.path.isabs(home) and not (in_an_archive and not os.access(home, os.W_OK))


@cache
def private_folder() -> Path | None:
    """A private folder under the temporary directory, or `None`.

    No other user can write to it, for code is loaded from it.
    """
    parent = Path(tempfile.gettempdir())
    if not hasattr(os, "getuid"):
        # Windows gives each user a temporary directory.
        return parent / "weakseg-kernels"
    folder = parent / f"weakseg-kernels-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # `lstat`, because a link of another user would pass a test of its target.
        above, there = parent.stat(), folder.lstat()
    except OSError:
        return None
    # Where others may write and no sticky bit is set, they could put a folder of theirs in its place at any time.
    guarded = above.st_uid in (0, os.getuid()) and (above.st_mode & stat.S_ISVTX or not above.st_mode & 0o022)
    ours = stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid() and not there.st_mode & 0o077
    return folder if guarded and ours else None
