"""`weakseg evaluate`: scores of a run on its validation pictures, printed and kept beside it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from weakseg.data.sample import Dataset
from weakseg.errors import RunInvalid
from weakseg.evaluate.evaluate import evaluate
from weakseg.evaluate.scores import Scores
from weakseg.train.checkpoint import write_whole
from weakseg.train.run_folder import Run, open_run

TRIMAP_WIDTHS = (1, 2, 4, 8, 16)
"""Half-widths, in pixels, of the bands around true boundaries."""


def evaluate_and_show(path: Path, as_json: bool, which: str, device: str) -> None:
    """Score a run, write evaluation.json, print the scores."""
    run = open_run(path)
    scores = score(run, which, device, Console(stderr=True))
    if as_json:
        print(json.dumps({"run": str(path), "checkpoint": which, "classes": scores.classes.names, **scores.summary}))
    else:
        show(scores, Console())


def score(run: Run, which: str, device: str, console: Console) -> Scores:
    """The scores of a run on its validation pictures, also written to its evaluation.json."""
    pictures = run.recipe.validation
    if not isinstance(pictures, Dataset):
        raise RunInvalid(
            f"{run.path} has no validation pictures that can be opened again",
            expected="a recipe whose validation is one of weakseg's data sets",
            mend="train with a validation split, or score in Python with weakseg.evaluate",
        )
    predictor = run.predictor(device, which=which)
    with _bar(console, "evaluating") as told:
        scores = evaluate(predictor, pictures, TRIMAP_WIDTHS, told)
    text = json.dumps({"checkpoint": which, **scores.to_json()})
    write_whole(run.path / "evaluation.json", lambda part: part.write_text(text))
    return scores


def show(scores: Scores, console: Console) -> None:
    """Print a table of classes and the means below it."""
    table = Table("class", "IoU", "Dice", title=f"{len(scores.keys)} pictures")
    for name, iou, dice in zip(scores.classes.names, scores.iou(), scores.dice(), strict=True):
        table.add_row(name, _number(iou), _number(dice))
    table.add_section()
    table.add_row("mean", _number(scores.mean_iou()), _number(scores.mean_dice()))
    console.print(table)
    console.print(f"pixel accuracy {scores.pixel_accuracy():.4f}", highlight=False)
    bands = "  ".join(f"{width} px {value:.3f}" for width, value in scores.trimap_mean_iou().items())
    console.print(f"mIoU near boundaries: {bands}", highlight=False)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"


@contextmanager
def _bar(console: Console, what: str) -> Iterator:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
