"""When a run found its hidden segmentations anew, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weakseg.losses.objectives import Fit
from weakseg.report.chart import short
from weakseg.report.hidden import terms
from weakseg.report.sections import Account

_COLUMNS = {
    "mean_iou": "mIoU where there are masks",
    "confidence": "mean confidence",
    "energy": "energy",
    "bound": "lower bound",
    "gap": "gap",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class Updates:
    """All updates of a run, in the order in which they came."""

    account: Account
    names: tuple[str, ...]
    """Of the numbers that any update has."""
    rows: tuple[tuple[int, str, tuple[str, ...]], ...]
    """Of each the epoch that it came before, counted from 1, what found it, and its numbers; a dash: not known."""


def updates(accounts: Sequence[Account]) -> list[Updates]:
    """Of each run that remembered hidden segmentations."""
    return [found for account in accounts if (found := _updates(account)).rows]


def _updates(account: Account) -> Updates:
    lines = [line for line in account.run.metrics if "targets_there" in line]
    kept = [key for key in _COLUMNS if any(line.get(f"targets_{key}") is not None for line in lines)]
    number = lambda value: "–" if value is None else short(value)  # noqa: E731
    return Updates(
        account,
        tuple(_COLUMNS[key] for key in kept),
        tuple(
            (
                line["epoch"] + 1,
                _solver(account.run.recipe, line["epoch"]),
                tuple(number(line.get(f"targets_{key}")) for key in kept),
            )
            for line in lines
        ),
    )


def _solver(recipe: Any, epoch: int) -> str:
    """The name of what is remembered from in an epoch; a dash where only somebody's own code knows it."""
    last = 0
    for phase in recipe.phases:
        last += phase.epochs
        if epoch < last:
            fits = [term for term in terms(phase.objective) if isinstance(term, Fit) and term.every_epochs is not None]
            solver = fits[0].solver if fits else "–"
            return solver if isinstance(solver, str) else type(solver).__name__
    return "–"
