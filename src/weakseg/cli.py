"""The command line: thin commands that load what they need when they run.

A mistake of the user's ends in one clear message and exit code 2; findings of `check` end in exit code 1.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from weakseg.console.ending import end

_QUIET = "--quiet"


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


class _QuietAnywhere(TyperGroup):
    """Commands that take `--quiet` before and behind their own words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        left = super().parse_args(ctx, [word for word in args[:end] if word != _QUIET] + args[end:])
        if _QUIET in args[:end]:
            ctx.with_resource(_silence())
        return left


app = typer.Typer(
    name="weakseg",
    cls=_QuietAnywhere,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train a segmentation network from labels that are cheap to draw: scribbles, clicks, boxes, tags, sizes.",
)

Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")]
Json = Annotated[bool, typer.Option("--json", help="Print one object of JSON, for scripts.")]
OwnRecipe = Annotated[
    Path | None, typer.Option("--recipe", help="The run's recipe file, run to make what only your own code can make.")
]
Crf = Annotated[bool, typer.Option("--crf", help="Refine with the CRF tuned for the run, or the usual one.")]


def _show_version(asked: bool | None) -> None:
    if asked:
        print(f"weakseg {version_of('weakseg')}")
        raise typer.Exit


@app.callback()
def _before_every_command(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = None,
    quiet: Annotated[bool, typer.Option(_QUIET, help="Print nothing but errors; works behind a command too.")] = False,
) -> None:
    """Both options are done with before: `_show_version` and `_QuietAnywhere`."""


@app.command()
def new(data: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")]) -> None:
    """Lay out an empty data folder, with a commented dataset.toml."""
    from weakseg.data.folder.new import lay_out

    made = lay_out(data)
    print(f"{data} is ready: {len(made)} files and folders. Put images in images/, scribbles in scribbles/, then:")
    print(f"  weakseg check {shlex.quote(str(data))}")


@app.command()
def check(
    data: Annotated[str, typer.Argument(help="A data folder, or the name of one under $WEAKSEG_DATA.")],
    html: Annotated[Path | None, typer.Option("--html", help="Also draw the labels on the images.")] = None,
    json: Json = False,
) -> None:
    """Look for everything wrong in a data set before anybody trains on it."""
    from weakseg.commands.check import check_and_show

    raise typer.Exit(1 if check_and_show(data, html, json) else 0)


@app.command()
def simulate(
    data: Annotated[str, typer.Argument(help="A data folder with full masks.")],
    out: Annotated[Path, typer.Option("--out", help="A folder for the labels; nothing in it is overwritten.")],
    kind: Annotated[str, typer.Option("--kind", help="scribbles, clicks, boxes, tags or sizes.")],
    length: Annotated[float, typer.Option("--length", min=0, max=1, help="Of scribbles; 0 is a dot.")] = 1.0,
    width: Annotated[float, typer.Option("--width", min=1, help="Of the pen, in pixels.")] = 3.0,
    threshold: Annotated[float | None, typer.Option("--threshold", help="Sizes as one bit: above or below.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the simulated annotator.")] = 0,
    split: Annotated[str, typer.Option("--split", help="Which splits/<name>.txt of the data set.")] = "train",
) -> None:
    """Draw weak labels from full masks, the way a person would, and show them on a page."""
    from weakseg.commands.simulate import simulate_and_show

    simulate_and_show(data, out, kind, length, width, threshold, seed, split)


@app.command()
def constraints(
    data: Annotated[str, typer.Argument(help="A data folder with some full masks or sizes.")],
    split: Annotated[
        str | None,
        typer.Option("--split", help="Which splits/<name>.txt; by default train, or all where there is none."),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option("--size", help="A size you know, in place of the data's: heart=0.05. Two or more a class."),
    ] = None,
    tail: Annotated[
        float, typer.Option("--tail", min=0, max=0.5, help="Share of the known sizes left beyond each bound.")
    ] = 0.05,
) -> None:
    """Propose bounds on sizes, and say of each rule how many known masks obey it."""
    from weakseg.commands.constraints import propose_and_show

    propose_and_show(data, split, tuple(size or ()), tail)


@app.command()
def train(
    what: Annotated[str, typer.Argument(help="A recipe file (.py), or a data folder.")],
    out: Annotated[Path, typer.Option("--out", help="Where the run goes; must not exist yet, unless it is resumed.")],
    device: Device = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Another seed than the recipe's.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Another length than the recipe's.")] = None,
    network: Annotated[
        str | None, typer.Option("--network", help="For a data folder: a hub name, a folder, or 'unet' from scratch.")
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", help="For a data folder: a label folder or table to learn from instead; repeatable."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="For a data folder: joint, gated-crf, partial or constraints, as labels allow."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Resume also with other data, or without the best network, than before."),
    ] = False,
) -> None:
    """Train a recipe, or a sensible one for the labels found in a data folder."""
    from weakseg.commands.train import Wanted, train_and_show

    wanted = Wanted(seed, epochs, network, tuple(labels or ()) or None, method)
    train_and_show(what, out, device, resume, accept_changes, wanted)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    json: Json = False,
    last: Annotated[bool, typer.Option("--last", help="The last checkpoint instead of the best.")] = False,
    crf: Crf = False,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Score a run on its validation images: IoU, Dice, accuracy, and IoU near boundaries."""
    from weakseg.commands.evaluate import evaluate_and_show

    evaluate_and_show(run, json, "last" if last else "best", device, crf, recipe)


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    files: Annotated[list[Path], typer.Argument(help="Images.")],
    out: Annotated[Path, typer.Option("--out", help="A folder for the masks; nothing in it is overwritten.")],
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also write them, as .npz.")] = False,
    overlays: Annotated[bool, typer.Option("--overlays", help="Also write the masks drawn on the images.")] = False,
    crf: Crf = False,
    device: Device = None,
    json: Json = False,
    recipe: OwnRecipe = None,
) -> None:
    """Segment images of any size with a trained network."""
    from weakseg.commands.predict import Wanted, predict_and_show

    predict_and_show(run, files, out, device, Wanted(probabilities, overlays, crf, json), recipe)


@app.command()
def tune_crf(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[int, typer.Option("--pictures", min=1, help="How many images to tune on.")] = 100,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Find the CRF settings that suit a run, on images with masks it is not judged by, for --crf to use."""
    from weakseg.experiments.tune_crf import tune_and_show

    tune_and_show(run, images, device, recipe)


@app.command()
def solve(
    image: Annotated[Path, typer.Argument(help="An image.")],
    scribbles: Annotated[Path, typer.Option("--scribbles", help="A label map of its size: labels where you drew.")],
    out: Annotated[Path, typer.Option("--out", help="A PNG for the mask; must not exist yet.")],
    unlabeled: Annotated[
        str | None,
        typer.Option(
            "--unlabeled",
            help='Where you did not draw: a value, "#rrggbb" or transparent. By default 255, and in paintings what is'
            " transparent, or else most of it.",
        ),
    ] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend", help="A data folder whose values or colours the scribbles have; images are read as it says."
        ),
    ] = None,
    overlay: Annotated[Path | None, typer.Option("--overlay", help="Also a PNG of the mask on the image.")] = None,
    range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range", help="The numbers of black and white, of more than 8 bits: 0 4095.", metavar="LOW HIGH"
        ),
    ] = None,
    ignore_exif: Annotated[bool, typer.Option("--ignore-exif", help="Read the image as it is stored.")] = False,
    json: Json = False,
) -> None:
    """Segment one image from scribbles on it, without any network."""
    from weakseg.commands.solve import solve_and_show
    from weakseg.data.images.image_file import Reading

    solve_and_show(image, scribbles, out, unlabeled, overlay, json, Reading(not ignore_exif, range), legend)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="One or more run folders; several stand side by side.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where the page goes; by default in the first run.")] = None,
    recipe: Annotated[
        list[Path] | None, typer.Option("--recipe", help="A recipe file for each run, in their order; it is run.")
    ] = None,
) -> None:
    """One self-contained page: setup, curves, scores, and images, worst first."""
    from weakseg.commands.report import report_and_show

    report_and_show(runs, out, recipe or ())


@app.command()
def experiments(
    table: Annotated[Path, typer.Argument(help="A Python file that ends in table = Table(...).")],
    out: Annotated[Path, typer.Option("--out", help="Where the runs are kept.")] = Path("runs"),
    show: Annotated[bool, typer.Option("--show", help="Print what is there, and train nothing.")] = False,
    crf: Annotated[
        bool, typer.Option("--crf", help="Add columns with a CRF behind each run, untuned and tuned.")
    ] = False,
) -> None:
    """Fill the missing cells of a table of runs and print it; start it twice to use two workers."""
    from weakseg.experiments.table import fill_and_show

    fill_and_show(table, out, show, crf)


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("--out", help="Where the runs go; by default a new runs/demo.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="A data folder of your own.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="A shorter or longer demonstration.")] = None,
) -> None:
    """Full masks against scribbles, on generated scenes or your own folder, in a few minutes."""
    from weakseg.commands.demo import demo_and_show

    demo_and_show(out, data, epochs)


def main() -> None:
    """Run the command line; mistakes end in one message, never in a traceback."""
    end(app)
