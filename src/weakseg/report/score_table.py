"""Scores of several runs side by side.

The best of each row is marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from weakseg.evaluation.scores import Scores


@dataclass(frozen=True)
class Cell:
    """A score in [0, 1], `None` where it is undefined."""

    value: float | None
    best: bool
    """Whether it is the highest of the row and not all are equal, at the three decimals that are shown."""


@dataclass(frozen=True)
class ScoreRow:
    """A row of the table: a class, or the mean."""

    name: str
    class_index: int | None
    """Index of the class; `None` for the mean."""
    truth_share: float | None
    """Fraction of the evaluated pixels that are of this class."""
    iou: tuple[Cell, ...]
    dice: tuple[Cell, ...]


def score_table(scores: Sequence[Scores]) -> tuple[ScoreRow, ...]:
    """The score table of runs.

    A row of means comes first, then one row per class. All scores must be of the same classes and images.
    """
    first = scores[0]
    truth = first.matrices.sum((0, 2))
    iou, dice = np.stack([s.iou() for s in scores]), np.stack([s.dice() for s in scores])
    means = ScoreRow(
        "mean", None, None, _cells([s.mean_iou() for s in scores]), _cells([s.mean_dice() for s in scores])
    )
    rows = (
        ScoreRow(name, k, float(truth[k] / max(truth.sum(), 1)), _cells(iou[:, k]), _cells(dice[:, k]))
        for k, name in enumerate(first.classes.names)
    )
    return (means, *rows)


def _cells(values: Sequence[float] | Float[np.ndarray, " R"]) -> tuple[Cell, ...]:
    rounded = [None if np.isnan(value) else round(float(value), 3) for value in values]
    known = [value for value in rounded if value is not None]
    return tuple(Cell(value, len(set(known)) > 1 and value == max(known)) for value in rounded)
