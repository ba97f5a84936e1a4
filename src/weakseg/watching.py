"""What is solved while somebody watches: a training logs how solves end, whatever objective they are hidden in."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from weakseg.types import Solution

Solved = list[tuple[tuple[str, ...], Solution]]
"""Keys of the pictures of a batch, and what was found for them."""

_watcher: ContextVar[Solved | None] = ContextVar("watcher", default=None)


@contextmanager
def watching() -> Iterator[Solved]:
    """A list to which each `Fit` adds what it solves meanwhile, in this thread, and can prove."""
    solved: Solved = []
    before = _watcher.set(solved)
    try:
        yield solved
    finally:
        _watcher.reset(before)


def tell(keys: tuple[str, ...], solution: Solution) -> None:
    """Show a solution with a certificate to whoever watches; not one of other pictures, such as two views joined."""
    solved, alike = _watcher.get(), len(keys) == len(solution.status) == len(solution.energy)
    if solved is not None and alike and solution.certificate:
        solved.append((keys, solution))
