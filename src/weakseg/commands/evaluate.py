"""`weakseg evaluate`: scores of a run on its validation pictures."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weakseg.commands.bar import bar
from weakseg.evaluate.scores import Scores
from weakseg.report.evaluation import judged
from weakseg.train.run_folder import open_run


def evaluate_and_show(path: Path, as_json: bool, which: str, device: str) -> None:
    """Score the `best` or `last` network of a run, and print its scores for people or for programs."""
    with bar("evaluating") as told:
        scores = judged(open_run(path), which, device, told)
    if as_json:
        print(json.dumps({"run": str(path), "checkpoint": which, "classes": scores.classes.names, **scores.summary}))
    else:
        _show(scores, Console())


def _show(scores: Scores, console: Console) -> None:
    table = Table("class", "IoU", "Dice", title=f"{len(scores.keys)} pictures")
    for name, iou, dice in zip(scores.classes.names, scores.iou(), scores.dice(), strict=True):
        table.add_row(Text(name), _number(iou), _number(dice))
    table.add_section()
    table.add_row("mean", _number(scores.mean_iou()), _number(scores.mean_dice()))
    console.print(table)
    console.print(f"pixel accuracy {scores.pixel_accuracy():.4f}", highlight=False)
    bands = "  ".join(f"{width} px {value:.3f}" for width, value in scores.trimap_mean_iou().items())
    console.print(f"mIoU near boundaries: {bands}", highlight=False)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"
