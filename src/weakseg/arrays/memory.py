"""Memory available to this process, and a check before large allocations."""

import os
from pathlib import Path

from weakseg.errors import DataInvalid

_CGROUPS = Path("/sys/fs/cgroup")


SMALL = 32 * 2**20
"""Requests of up to this many bytes are never checked."""

SMALLER = (
    "split it into tiles or reduce its size, close other programs, or use a machine with more memory;"
    " `weakseg predict` reads TIFFs of any size by windows, for all else another file format does not help"
)
"""The recommended action for an image that is too large."""


def require_memory(found: str, needed: int, fix: str = SMALLER) -> None:
    """Raise `DataInvalid` when the required memory is not available.

    Args:
        found: the file, and the image size in its header, before anything is decoded.
        needed: bytes required to decode and process it.
        fix: the recommended action.
    """
    # Looking up the limits takes longer than reading a small image.
    there = available() if needed > SMALL else None
    if there is not None and needed > there:
        found = f"{found}, which needs {_gib(needed)} of memory; {_gib(there)} are available"
        raise DataInvalid(found, expected="what fits into memory", fix=fix)


def available() -> int | None:
    """Bytes that this process may still allocate, if known.

    The smallest of the machine's free memory, the limits of its control groups and its own limit.
    """
    limits = [_machine(), *_control_groups(), _own_limit()]
    # In a container the machine's free memory is not this process's, and the smallest limit ends it.
    return min((limit for limit in limits if limit is not None), default=None)


def _gib(size: int) -> str:
    return f"{max(size, 0) / 2**30:.1f} GiB"


def _machine() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        # No figure of free memory exists on this system: the installed memory is an upper bound.
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
    # Pages mapped so far, the first figure of statm, count towards the limit.
    taken = [int(line.split()[0]) * resource.getpagesize() for line in _lines(Path("/proc/self/statm"))]
    return max(most - sum(taken), 0)


def _control_groups() -> list[int]:
    """Remaining memory of each control group with a limit.

    Containers set such limits.
    """
    left = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        names = ("memory.max", "memory.current") if not controllers else _FIRST_VERSION
        # In a container the path may be the host's; the container's own group is then at the root.
        inside = root / path.lstrip("/")
        # A limit of any group above holds as well.
        for group in (inside, *inside.parents):
            if group.is_relative_to(root):
                left += _left(group, *names)
    return left


_FIRST_VERSION = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _left(group: Path, limit: str, usage: str) -> list[int]:
    numbers = [line for name in (limit, usage) for line in _lines(group / name)[:1]]
    if len(numbers) < 2 or not all(number.isdecimal() for number in numbers):
        return []
    # The kernel reclaims cached file pages on demand, so they count as free.
    spare = [int(line.split()[1]) for line in _lines(group / "memory.stat") if line.startswith("inactive_file ")]
    return [max(int(numbers[0]) - int(numbers[1]) + sum(spare), 0)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
