"""The sections of a report: what was taught, how it went, how good it is, and pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from weakseg.data.sample import Dataset, Sample
from weakseg.data.statistics import LabelCounts, count, total
from weakseg.duration import duration
from weakseg.evaluate.predict import Predictor
from weakseg.evaluate.scores import Scores
from weakseg.report.chart import Chart, Series, chart
from weakseg.report.gallery import Row, row, spread
from weakseg.report.hidden import hidden_segmentation
from weakseg.report.run import Run, trained_seconds
from weakseg.report.score_table import ScoreRow, score_table

WORST = 8
"""How many validation pictures are shown."""
COUNTED = 500
"""Of how many training pictures, at most, the labels are counted, because each has to be read."""
EXAMPLES = 4
"""How many training pictures are shown with their labels."""


@dataclass(frozen=True)
class Account:
    """One run as the page shows it; what could not be had is `None`, and `notes` say why."""

    run: Run
    name: str
    color: int
    predictor: Predictor | None
    scores: Scores | None
    validation: Dataset | None
    training: Dataset | None
    notes: tuple[str, ...]

    @property
    def time(self) -> str:
        """How long it trained."""
        return duration(trained_seconds(self.run))


@dataclass(frozen=True)
class Taught:
    """One set of training labels, and the runs that learnt from it."""

    accounts: tuple[Account, ...]
    pictures: int
    counts: LabelCounts
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Judged:
    """Runs that were judged on the same pictures and classes, side by side."""

    accounts: tuple[Account, ...]
    table: tuple[ScoreRow, ...]
    trimap: Chart
    rows: tuple[Row, ...]


def curves(accounts: Sequence[Account]) -> list[Chart]:
    """Loss, learning rate and validation scores by epoch; charts without any point are left out."""
    shown = (
        ("training loss", "loss"),
        ("learning rate", "learning_rate"),
        ("validation mIoU", "mean_iou"),
        ("validation mean Dice", "mean_dice"),
        ("mIoU of the hidden segmentations on training pictures", "targets_mean_iou"),
        ("rows that gave way, in nats a pixel", "solve_slack"),
    )
    charts = [
        chart(title, "epoch", [Series(a.name, a.color, _points(a.run.metrics, key)) for a in accounts])
        for title, key in shown
    ]
    return [drawn for drawn in charts if drawn.lines]


def taught(accounts: Sequence[Account]) -> list[Taught]:
    """Every set of labels that runs learnt from, with a few of its pictures."""
    return [_taught(group) for group in _alike(accounts, lambda a: a.training, lambda a: repr(a.training))]


def judged(accounts: Sequence[Account]) -> list[Judged]:
    """Scores of the runs, those on the same pictures together."""
    same = lambda a: repr((a.run.classes, a.run.recipe.validation, a.scores.keys))  # noqa: E731
    return [_judged(group) for group in _alike(accounts, lambda a: a.scores, same)]


def _taught(accounts: Sequence[Account]) -> Taught:
    samples = accounts[0].training
    assert samples is not None
    counts = total([count(samples[i], samples.classes) for i in spread(len(samples), COUNTED)], samples.classes)
    rows = tuple(_row(samples[i], accounts, (_hidden, _predicted)) for i in spread(len(samples), EXAMPLES))
    return Taught(tuple(accounts), len(samples), counts, rows)


def _judged(accounts: Sequence[Account]) -> Judged:
    """The pictures shown are those that were hardest for these runs on the whole."""
    scores = [a.scores for a in accounts if a.scores is not None]
    each = np.stack([s.per_image() for s in scores])
    worst = np.argsort(np.nan_to_num(each, nan=1).mean(0), kind="stable")[:WORST]
    return Judged(
        accounts=tuple(accounts),
        table=score_table(scores),
        trimap=chart(
            "mIoU near true boundaries",
            "band width in pixels",
            [Series(a.name, a.color, _curve(s)) for a, s in zip(accounts, scores, strict=True)],
        ),
        rows=_worst_rows(accounts, [int(index) for index in worst], each),
    )


def _worst_rows(accounts: Sequence[Account], worst: list[int], each: np.ndarray) -> tuple[Row, ...]:
    samples = accounts[0].validation
    if samples is None:
        return ()
    names = [a.name if len(accounts) > 1 else "IoU" for a in accounts]
    notes = lambda index: tuple(f"{name} {value:.3f}" for name, value in zip(names, each[:, index], strict=True))  # noqa: E731
    return tuple(_row(samples[index], accounts, (_predicted,), notes(index)) for index in worst)


def _row(sample: Sample, accounts: Sequence[Account], shown: tuple[Callable, ...], notes: tuple[str, ...] = ()) -> Row:
    """A picture with what each run makes of it."""
    segmentations = {}
    for a in accounts:
        suffix = f" · {a.name}" if len(accounts) > 1 else ""
        made = {} if a.predictor is None else {k: v for each in shown for k, v in each(a, a.predictor, sample).items()}
        segmentations |= {f"{title}{suffix}": labels for title, labels in made.items()}
    return row(sample, accounts[0].run.classes, segmentations, notes)


def _hidden(a: Account, predictor: Predictor, sample: Sample) -> dict[str, np.ndarray]:
    found = hidden_segmentation(a.run.recipe.phases[-1].objective, predictor, sample)
    return {} if found is None else {f"hidden segmentation. {found[1]}": found[0]}


def _predicted(a: Account, predictor: Predictor, sample: Sample) -> dict[str, np.ndarray]:
    return {"prediction": predictor.labels(sample.image)}


def _alike(accounts: Iterable[Account], has: Callable, key: Callable) -> list[list[Account]]:
    """Accounts that have something, in groups that share it."""
    having = sorted((a for a in accounts if has(a) is not None), key=key)
    groups = [list(group) for _, group in groupby(having, key)]
    return sorted(groups, key=lambda group: group[0].color)


def _points(metrics: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    values = [(line["epoch"] + 1, line.get(key)) for line in metrics]
    return [(float(epoch), float(value)) for epoch, value in values if value is not None and np.isfinite(value)]


def _curve(scores: Scores) -> list[tuple[float, float]]:
    return [(float(width), value) for width, value in sorted(scores.trimap_mean_iou().items()) if np.isfinite(value)]
