"""How long `weakseg --help` takes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median


def measure() -> Iterator[tuple[str, float, str]]:
    """The median of five starts, after one that fills the file cache."""
    yield "startup.help_s", median([_seconds() for _ in range(6)][1:]), "s"


def _seconds() -> float:
    started = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("weakseg"), "--help"], check=True, capture_output=True)
    return time.perf_counter() - started
