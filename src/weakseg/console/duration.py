"""Durations and counts in words."""


def duration(seconds: float) -> str:
    """A duration in words: `40 s`, `6 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(number: int, thing: str) -> str:
    """A count in words: `1 mask`, `3 masks`, `0 epochs`."""
    return f"{number} {thing}{'s' * (number != 1)}"
