"""Updates of a run's targets."""

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
    """All updates of a run, in order."""

    account: Account
    names: tuple[str, ...]
    """Names of the numbers that any update has."""
    rows: tuple[tuple[int, str, tuple[str, ...]], ...]
    """For each update the epoch it came before, counted from 1, its solver, and its numbers; a dash for unknown
    ones."""


def updates(accounts: Sequence[Account]) -> list[Updates]:
    """The updates of each run that stored targets."""
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
    """The name of the solver that updates in an epoch.

    It is a dash where only the user's own code knows it.
    """
    last = 0
    for phase in recipe.phases:
        last += phase.epochs
        if epoch < last:
            fits = [term for term in terms(phase.objective) if isinstance(term, Fit)]
            solver = fits[0].solver if fits else "–"
            return solver if isinstance(solver, str) else type(solver).__name__
    return "–"
