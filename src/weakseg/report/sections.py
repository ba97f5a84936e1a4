"""Sections of a report: setup, curves, scores and images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from weakseg.console.duration import counted, duration
from weakseg.data.sample import Dataset, Sample
from weakseg.evaluation.predictor import Predictor
from weakseg.evaluation.scores import Scores
from weakseg.report.chart import Chart, Series, chart
from weakseg.report.gallery import Row, row
from weakseg.report.hidden import hidden_segmentation
from weakseg.report.score_table import ScoreRow, score_table
from weakseg.runs.datasets import Run, trained_seconds

WORST = 8
"""Number of validation images shown."""


@dataclass(frozen=True)
class Account:
    """One run as the page shows it.

    What cannot be loaded is `None`, and `notes` say why.
    """

    run: Run
    name: str
    color: int
    predictor: Predictor | None
    scores: Scores | None
    validation: Dataset | None
    training: Dataset | None
    notes: tuple[str, ...]

    @property
    def epochs(self) -> str:
        """The number of epochs, in words."""
        return counted(len(self.run.metrics), "epoch")

    @property
    def time(self) -> str:
        """The training time on the clock, validation included."""
        return duration(trained_seconds(self.run))


@dataclass(frozen=True)
class Evaluated:
    """Runs evaluated on the same images, side by side."""

    accounts: tuple[Account, ...]
    table: tuple[ScoreRow, ...]
    trimap: Chart
    rows: tuple[Row, ...]


def facts(run: Run) -> dict[str, str]:
    """Facts about a run: names and values, in order."""
    recipe, record = run.recipe, run.record
    phases = {
        "Phase" if len(recipe.phases) == 1 else f"Phase {number}": (
            f"{phase.epochs} epochs at {phase.learning_rate:g}: {phase.objective!r}"
        )
        for number, phase in enumerate(recipe.phases, start=1)
    }
    versions = {"weakseg": record.get("weakseg", "unknown"), **record.get("versions", {})}
    return {
        "Training images": repr(recipe.training),
        "Validation images": "none" if recipe.validation is None else repr(recipe.validation),
        "Network": repr(recipe.network),
        "Parameters": f"{record['parameters']:,}" if "parameters" in record else "unknown",
        **({"Method": record["method"]} if record.get("method") else {}),
        **phases,
        "Optimiser": repr(recipe.optimizer),
        "Augmentation": repr(recipe.augment),
        "Batch size": f"{recipe.batch_size} images per step",
        "Random seed": str(recipe.seed),
        "Time": f"{duration(trained_seconds(run))} for {counted(len(run.metrics), 'epoch')}, validation included",
        "Machine": str(record.get("machine", "unknown")),
        "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }


def curves(accounts: Sequence[Account]) -> list[Chart]:
    """Charts of loss, learning rate and scores by epoch.

    Charts without any point are left out.
    """
    shown = (
        ("training loss", "loss"),
        ("learning rate", "learning_rate"),
        ("validation mIoU", "mean_iou"),
        ("validation mean Dice", "mean_dice"),
        ("mIoU of the hidden segmentations on training images", "targets_mean_iou"),
        ("mean confidence of the hidden segmentations", "targets_confidence"),
        ("violation of constraints, in nats per pixel", "solve_slack"),
    )
    charts = [
        chart(title, "epoch", [Series(a.name, a.color, _points(a.run.metrics, key)) for a in accounts])
        for title, key in shown
    ]
    return [drawn for drawn in charts if drawn.lines]


def evaluated(accounts: Sequence[Account]) -> list[Evaluated]:
    """Scores of runs, grouped by validation images.

    Equal images are in one group, wherever their folders lie.
    """
    # Masks with equal counts of every class in every image are taken as the same masks.
    same = lambda a: repr((a.run.classes, a.scores.keys, a.scores.matrices.sum(2).tolist()))  # noqa: E731
    return [_evaluated(group) for group in alike(accounts, lambda a: a.scores, same)]


def _evaluated(accounts: Sequence[Account]) -> Evaluated:
    """One group of runs, with its worst images.

    Those shown have the lowest mean score over the runs.
    """
    scores = [a.scores for a in accounts if a.scores is not None]
    each = np.stack([s.per_image() for s in scores])
    worst = np.argsort(np.nan_to_num(each, nan=1).mean(0), kind="stable")[:WORST]
    return Evaluated(
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
    samples = next((a.validation for a in accounts if a.validation is not None), None)
    if samples is None:
        return ()
    names = [a.name if len(accounts) > 1 else "IoU" for a in accounts]
    notes = lambda index: tuple(f"{name} {value:.3f}" for name, value in zip(names, each[:, index], strict=True))  # noqa: E731
    made = lambda sample: made_of(sample, accounts, (predicted,), named=len(accounts) > 1)  # noqa: E731
    return tuple(row(samples[i], accounts[0].run.classes, made(samples[i]), notes(i)) for i in worst)


def made_of(
    sample: Sample, accounts: Sequence[Account], shown: tuple[Callable, ...], named: bool
) -> dict[str, np.ndarray]:
    """Segmentations of an image by each run, by caption.

    The caption names the run where there are several.
    """
    segmentations = {}
    for a in accounts:
        suffix = f" · {a.name}" if named else ""
        made = {} if a.predictor is None else {k: v for each in shown for k, v in each(a, a.predictor, sample).items()}
        segmentations |= {f"{title}{suffix}": labels for title, labels in made.items()}
    return segmentations


def hidden(a: Account, predictor: Predictor, sample: Sample) -> dict[str, np.ndarray]:
    """A run's last hidden segmentation, with its status."""
    found = hidden_segmentation(a.run.recipe.phases[-1].objective, predictor, sample)
    return {} if found is None else {f"hidden segmentation. {found[1]}": found[0]}


def predicted(a: Account, predictor: Predictor, sample: Sample) -> dict[str, np.ndarray]:
    """The prediction of a run's network."""
    return {"prediction": predictor.labels(sample.image)}


def alike(accounts: Iterable[Account], has: Callable, key: Callable) -> list[list[Account]]:
    """Accounts grouped by a key.

    Those for which `has` gives `None` are left out.
    """
    having = sorted((a for a in accounts if has(a) is not None), key=key)
    groups = [list(group) for _, group in groupby(having, key)]
    return sorted(groups, key=lambda group: group[0].color)


def _points(metrics: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    values = [(line["epoch"] + 1, line.get(key)) for line in metrics]
    return [(float(epoch), float(value)) for epoch, value in values if value is not None and np.isfinite(value)]


def _curve(scores: Scores) -> list[tuple[float, float]]:
    return [(float(width), value) for width, value in sorted(scores.trimap_mean_iou().items()) if np.isfinite(value)]
