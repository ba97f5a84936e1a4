"""Counts in words."""


def amount(count: int, noun: str) -> str:
    """A count with its noun, whose plural ends in s: `1 mask`, `12 epochs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
