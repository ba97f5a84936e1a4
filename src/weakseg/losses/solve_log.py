"""A log of what is solved inside a `with` block.

A training reports how solves end, whatever objective they are part of."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice

import numpy as np

from weakseg.types import Solution

Solved = list[tuple[tuple[str, ...], Solution]]
"""Keys of the images of a batch, and what was found for them."""

_watcher: ContextVar[Solved | None] = ContextVar("watcher", default=None)


@contextmanager
def watching() -> Iterator[Solved]:
    """A list to which each `Fit` adds what it solves meanwhile, in this thread, and can prove."""
    solved: Solved = []
    # A context variable and not a global: threads and nested blocks each have their own list.
    before = _watcher.set(solved)
    try:
        yield solved
    finally:
        _watcher.reset(before)


def tell(keys: tuple[str, ...], solution: Solution) -> None:
    """Add a solution with a certificate to the log; not one of other images, such as two views joined."""
    solved, alike = _watcher.get(), len(keys) == len(solution.status) == len(solution.energy)
    if solved is not None and alike and solution.certificate:
        solved.append((keys, solution))


@dataclass(frozen=True)
class Solve:
    """One image's solve, without what was found."""

    key: str
    sentence: str
    numbers: dict[str, float]
    """Its energy and its certificate, by name."""

    @property
    def contradictory(self) -> bool:
        """No segmentation obeys its hard demands."""
        return self.numbers.get("contradiction", 0) > 0


def solves_of(solved: Solved) -> list[Solve]:
    """The solve of each image of each batch."""
    found = []
    for keys, solution in solved:
        columns = {"energy": solution.energy, **solution.certificate}
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        for key, sentence, row in zip(keys, solution.status, rows, strict=True):
            found.append(Solve(key, sentence, dict(zip(columns, row, strict=True))))
    return found


def summary(solves: Iterable[Solve], prefix: str) -> dict[str, float]:
    """Means over solves with a certificate, each as `<prefix>_<name>`; of contradictions, the share of images."""
    columns: dict[str, list[float]] = {}
    for each in solves:
        # The energy alone, without a certificate, says nothing.
        for name, value in each.numbers.items() if len(each.numbers) > 1 else ():
            columns.setdefault(name, []).append(value)
    if "contradiction" in columns:
        columns["contradiction"] = [value > 0 for value in columns["contradiction"]]
    return {f"{prefix}_{name}": float(np.mean(values)) for name, values in columns.items()}


def contradictions(solves: Iterable[Solve]) -> dict[str, str]:
    """By key, how it ended for images whose hard demands no segmentation obeys."""
    return {each.key: each.sentence for each in solves if each.contradictory}


def most_slack(solves: Iterable[Solve], least: float, count: int) -> dict[str, str]:
    """By key, how it ended for the images whose rows were violated most, from a slack in nats per pixel on.

    Those that contradict themselves are left out: there is no other way.
    """
    slack = [each for each in solves if each.numbers.get("slack", 0) >= least and not each.contradictory]
    worst: dict[str, str] = {}
    for each in sorted(slack, key=lambda each: -each.numbers["slack"]):
        # Of an image that was solved for several times, the worst.
        worst.setdefault(each.key, each.sentence)
    return dict(islice(worst.items(), count))
