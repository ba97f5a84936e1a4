"""The progress of commands that go through images: a bar on a terminal, plain lines elsewhere, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from weakseg.console.duration import duration

LINE_EVERY_S = 10.0
"""Seconds from one plain line to the next."""


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """What is done and the time that is left; call it with (done, total)."""
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
    """What is done at present; call it with each new sentence."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda sentence: print(sentence, file=sys.stderr, flush=True)
        return
    with console.status(first) as status:
        yield status.update


def tell(said: str) -> None:
    """Print what a user should know; a bar that is shown meanwhile moves down."""
    print(said, file=sys.stderr, flush=True)


def _lines(what: str) -> Callable[[int, int], None]:
    """One line every few seconds, none for what is done sooner."""
    started = said = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= LINE_EVERY_S:
            said = now
            left = f", about {duration((now - started) / done * (total - done))} left" if done else ""
            print(f"{what}: {done} of {total}{left}", file=sys.stderr, flush=True)

    return told
