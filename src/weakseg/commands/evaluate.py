"""`weakseg evaluate`: scores of a run on its validation images."""

import json
import textwrap
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar
from weakseg.evaluation.device import best_device
from weakseg.evaluation.scores import Scores
from weakseg.experiments.tune_crf import which_crf
from weakseg.finding import some
from weakseg.recipe.json_codec import encode
from weakseg.runs.run import open_run
from weakseg.runs.scores import evaluate_run


def evaluate_and_show(
    path: Path, as_json: bool, which: str, device: str | None, crf: bool, recipe: Path | None = None
) -> None:
    """Score a run's `best` or `last` network, and print the scores.

    `crf` refines the predictions with the run's CRF.
    """
    run = open_run(path, recipe)
    with bar("evaluating") as progress:
        scores = evaluate_run(run, which, device or best_device(), progress, run.crf if crf else None)
    if as_json:
        asked = {"run": str(path), "checkpoint": which, "crf": encode(run.crf) if crf else None}
        print(json.dumps({**asked, "classes": scores.classes.names, **scores.summary}))
    else:
        _show(scores, Console())
        if crf:
            print(f"refined by {which_crf(run)}")


def _show(scores: Scores, console: Console) -> None:
    table = Table("class", "IoU", "Dice", title=counted(len(scores.keys), "image"))
    for name, iou, dice in zip(scores.classes.names, scores.iou(), scores.dice(), strict=True):
        table.add_row(Text(name), _number(iou), _number(dice))
    table.add_section()
    table.add_row("mean", _number(scores.mean_iou()), _number(scores.mean_dice()))
    console.print(table)
    console.print(f"mean Dice over {scores.dice_over}", highlight=False)
    console.print(f"pixel accuracy {scores.pixel_accuracy():.4f}", highlight=False)
    bands = "  ".join(f"{width}\u00a0px\u00a0{value:.3f}" for width, value in scores.trimap_mean_iou().items())
    # textwrap keeps hard spaces together; rich would break lines there.
    near = textwrap.fill(f"mIoU near boundaries: {bands}", console.width)
    console.print(near, highlight=False, soft_wrap=True)
    for sentence in why_undefined(scores):
        console.print(Text(sentence))


def why_undefined(scores: Scores) -> list[str]:
    """Explanations of undefined scores, one sentence each."""
    total = scores.matrices.sum(0)
    shown, predicted, names = total.sum(1), total.sum(0), scores.classes.names
    said = []
    if not shown.sum():
        return ["The masks are void everywhere, so no score is defined."]
    if absent := [f"'{name}'" for label, name in enumerate(names) if not shown[label] and not predicted[label]]:
        said.append(f"- : {some(absent)}: in no mask and in no prediction; left out of the means.")
    if any(value != value for value in scores.trimap_mean_iou().values()):
        said.append("nan near boundaries: no mask contains a boundary between two classes.")
    return said


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"
