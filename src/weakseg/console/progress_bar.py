"""Progress of long commands, on standard error.

A bar on a terminal, plain lines elsewhere.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from weakseg.console.duration import duration

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; call it with (done, total)."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def stages(first: str) -> Iterator[Callable[[str], None]]:
    """The current stage of a command; call it with each description."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda sentence: print(sentence, file=sys.stderr, flush=True)
        return
    with console.status(first) as status:
        yield status.update


def tell(message: str) -> None:
    """Print a message above any progress bar that is shown."""
    print(message, file=sys.stderr, flush=True)


def _lines(what: str) -> Callable[[int, int], None]:
    """A reporter that prints a line every few seconds.

    Work that finishes sooner prints none.
    """
    started = printed = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= LINE_EVERY_S:
            printed = now
            left = f", about {duration((now - started) / done * (total - done))} left" if done else ""
            print(f"{what}: {done} of {total}{left}", file=sys.stderr, flush=True)

    return report
