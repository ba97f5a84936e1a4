"""How much memory there is for one more image, and a refusal beforehand where it is too little."""

import os
from pathlib import Path

from weakseg.errors import DataInvalid

_CGROUPS = Path("/sys/fs/cgroup")


SMALL = 32 * 2**20
"""Bytes that are there, or nothing is."""

SMALLER = (
    "cut it into tiles or make it smaller, close other programs, or use a machine with more memory;"
    " another file format takes as much"
)
"""What to do about an image that is too large."""


def require_memory(found: str, needed: int) -> None:
    """Raise `DataInvalid` where so many bytes are more than there are.

    Args:
        found: the file, and how large its header says that the image is, before anything of it is decoded.
        needed: bytes that it takes, decoded and worked on.
    """
    # The look-up takes longer than a small image.
    there = available() if needed > SMALL else None
    if there is not None and needed > there:
        found = f"{found}, which takes {_gib(needed)} of memory; there are {_gib(there)}"
        raise DataInvalid(found, expected="an image that fits into the memory", fix=SMALLER)


def available() -> int | None:
    """Bytes that this process may still take: the machine's, its control groups', its own limit; None: unknown."""
    limits = [_machine(), *_control_groups(), _own_limit()]
    return min((limit for limit in limits if limit is not None), default=None)


def _gib(size: int) -> str:
    return f"{max(size, 0) / 2**30:.1f} GiB"


def _machine() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        # Without a list of what is free, all that there is.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _own_limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return None
    taken = [int(line.split()[0]) * resource.getpagesize() for line in _lines(Path("/proc/self/statm"))]
    return max(most - sum(taken), 0)


def _control_groups() -> list[int]:
    """What is left in each group above this process that has a limit; containers set one."""
    left = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        names = ("memory.max", "memory.current") if not controllers else _FIRST_VERSION
        # In a container, the path may be the one that the machine outside knows; then its own is at the root.
        inside = root / path.lstrip("/")
        for group in (inside, *inside.parents):
            if group.is_relative_to(root):
                left += _left(group, *names)
    return left


_FIRST_VERSION = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _left(group: Path, limit: str, usage: str) -> list[int]:
    numbers = [line for name in (limit, usage) for line in _lines(group / name)[:1]]
    if len(numbers) < 2 or not all(number.isdecimal() for number in numbers):
        return []
    # Pages of files are given back when they are needed.
    spare = [int(line.split()[1]) for line in _lines(group / "memory.stat") if line.startswith("inactive_file ")]
    return [max(int(numbers[0]) - int(numbers[1]) + sum(spare), 0)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
