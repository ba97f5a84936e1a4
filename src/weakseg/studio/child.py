"""A command of weakseg that ends when its standard input does: also when the studio is killed."""

import _thread
import os
import runpy
import sys
import threading
import time

_GRACE_S = 20
"""How long a training may take to stop by itself."""


def main() -> None:
    """Run `weakseg` with the given arguments."""
    if hasattr(os, "nice"):
        os.nice(10)  # stage A answers first
    threading.Thread(target=_watch, name="parent", daemon=True).start()
    sys.argv[0] = "weakseg"
    runpy.run_module("weakseg", run_name="__main__", alter_sys=False)


def _watch() -> None:
    # Not sys.stdin: its lock, held by this thread, would abort the process at its end.
    while os.read(0, 1):
        pass
    _thread.interrupt_main()
    time.sleep(_GRACE_S)
    os._exit(130)


if __name__ == "__main__":
    main()
