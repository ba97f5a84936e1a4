"""Commands that train a network and say how good it is."""

from pathlib import Path
from typing import Annotated

import typer

from weakseg.cli.program import app, with_options
from weakseg.commands.options import Crf, Device, Json, OwnRecipe, TrainOptions


@app.command()
@with_options
def train(
    what: Annotated[str, typer.Argument(help="A recipe file (.py), or a data folder.")],
    out: Annotated[Path, typer.Option("--out", help="The new run folder; with --resume, the existing one.")],
    wanted: TrainOptions,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the run's last checkpoint.")] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Resume although the data changed, or the best network is missing."),
    ] = False,
) -> None:
    """Train a network on a data folder, by a method that suits it, or by a recipe."""
    from weakseg.commands.train import train_and_show

    train_and_show(what, out, wanted, resume, accept_changes)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    json: Json = False,
    last: Annotated[bool, typer.Option("--last", help="Use the last checkpoint instead of the best.")] = False,
    crf: Crf = False,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Score a run on its validation images: IoU, Dice, accuracy, boundary IoU."""
    from weakseg.commands.evaluate import evaluate_and_show

    evaluate_and_show(run, json, "last" if last else "best", device, crf, recipe)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="One or more run folders; several are compared side by side.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The page to write; by default report.html in the first run.")
    ] = None,
    recipe: Annotated[
        list[Path] | None,
        typer.Option(
            "--recipe", help="A recipe file for each run, in the same order, for classes of your own; it is executed."
        ),
    ] = None,
) -> None:
    """Write a self-contained page: setup, curves, scores, and images, worst first."""
    from weakseg.commands.report import report_and_show

    report_and_show(runs, out, recipe or ())


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Output folder for the runs; by default a new runs/demo.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="A data folder of your own.")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Number of epochs, for a shorter or longer demonstration.")
    ] = None,
) -> None:
    """Compare full masks with scribbles in a few minutes, on generated images or your own."""
    from weakseg.commands.demo import demo_and_show

    demo_and_show(out, data, epochs)
