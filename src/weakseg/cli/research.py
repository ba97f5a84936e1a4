"""Commands for research: simulated labels, constraints, CRFs and tables of runs."""

from pathlib import Path
from typing import Annotated

import typer

from weakseg.cli.program import RESEARCH, app, with_options
from weakseg.commands.options import Device, OwnRecipe, SimulateOptions


@app.command(rich_help_panel=RESEARCH)
@with_options
def simulate(
    data: Annotated[str, typer.Argument(help="A data folder with full masks.")],
    out: Annotated[Path, typer.Option("--out", help="Output folder for the labels; nothing in it is overwritten.")],
    wanted: SimulateOptions,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of the simulated annotator.")] = 0,
    split: Annotated[str, typer.Option("--split", help="Name of the split: splits/<name>.txt.")] = "train",
) -> None:
    """Simulate weak labels from full masks, and show them on a page."""
    from weakseg.commands.simulate import simulate_and_show

    simulate_and_show(data, out, wanted, seed, split)


@app.command(rich_help_panel=RESEARCH)
def constraints(
    data: Annotated[str, typer.Argument(help="A data folder with some full masks or sizes.")],
    split: Annotated[
        str | None,
        typer.Option(
            "--split", help="Name of the split: splits/<name>.txt; by default train, or all images without one."
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            "--size", help="A known size, used instead of the data's: heart=0.05. Give two or more per class."
        ),
    ] = None,
    tail: Annotated[
        float,
        typer.Option("--tail", min=0, max=0.5, help="Fraction of the known sizes that may lie beyond each bound."),
    ] = 0.05,
) -> None:
    """Propose size constraints and report how often each holds on the known masks."""
    from weakseg.commands.constraints import propose_and_show

    propose_and_show(data, split, tuple(size or ()), tail)


@app.command(rich_help_panel=RESEARCH)
def tune_crf(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[int, typer.Option("--images", min=1, help="Number of images to tune on.")] = 100,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Find the setting of --crf that suits a run, on held-out masks."""
    from weakseg.experiments.tune_crf import tune_and_show

    tune_and_show(run, images, device, recipe)


@app.command(rich_help_panel=RESEARCH)
def experiments(
    table: Annotated[Path, typer.Argument(help="A Python file that defines table = Table(...).")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the runs.")] = Path("runs"),
    show: Annotated[bool, typer.Option("--show", help="Print the finished cells, and train nothing.")] = False,
    crf: Annotated[
        bool, typer.Option("--crf", help="Add columns with a CRF after each network, untuned and tuned.")
    ] = False,
) -> None:
    """Train the missing cells of a table of runs, and print it.

    Start it twice to use two workers.
    """
    from weakseg.experiments.table import fill_and_show

    fill_and_show(table, out, show, crf)
