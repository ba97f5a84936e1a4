"""The command line: options and help of each command.

Each command imports its modules when it runs. A user's mistake ends in one message and exit code 2; problems found by
`check` end in exit code 1.
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
_RESEARCH = "For research"


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


class _QuietAnywhere(TyperGroup):
    """Commands that accept `--quiet` before or after their name."""

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
    help="Train a segmentation network from cheap labels: scribbles, clicks, boxes, tags or sizes.",
)

Device = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, cuda:1 or mps; by default the fastest available.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
OwnRecipe = Annotated[
    Path | None, typer.Option("--recipe", help="The run's recipe file, for classes of your own; it is executed.")
]
Crf = Annotated[bool, typer.Option("--crf", help="Refine with the run's tuned CRF, or the default one.")]


def _show_version(asked: bool | None) -> None:
    if asked:
        print(f"weakseg {version_of('weakseg')}")
        raise typer.Exit


@app.callback()
def _before_every_command(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = None,
    quiet: Annotated[bool, typer.Option(_QUIET, help="Print errors only; also accepted after a command.")] = False,
) -> None:
    """Nothing to do: `_show_version` and `_QuietAnywhere` handle both options."""


@app.command()
def new(data: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Create a data folder with a commented dataset.toml."""
    from weakseg.data.folder.new import lay_out

    made = lay_out(data)
    print(
        f"{data} is ready: {len(made)} files and folders. Add images to images/ and scribbles to scribbles/, then run:"
    )
    print(f"  weakseg check {shlex.quote(str(data))}")


@app.command("import")
def import_(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Files, folders or zips of an annotation tool; or volumes.", metavar="SOURCE..."),
    ],
    images: Annotated[Path, typer.Option("--images", help="Folder of the annotated images.")],
    into: Annotated[Path, typer.Option("--into", help="The data folder to make: a new or empty folder.")],
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="What a name in the files means: Hund=dog, or ruler=ignore; repeatable."),
    ] = None,
    becomes: Annotated[
        list[str] | None,
        typer.Option("--as", help="What a kind of mark becomes: polygon=box, or dog:polygon=box; repeatable."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page that shows the marks as they were drawn.")
    ] = None,
    plane: Annotated[
        str | None, typer.Option("--plane", help="For volumes: axial, coronal or sagittal slices.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a data folder from the files of an annotation tool."""
    from weakseg.commands.import_annotations import import_and_show, uses_of

    import_and_show(sources, images, into, uses_of(name or (), becomes or ()), html, json, plane)


@app.command()
def check(
    data: Annotated[str, typer.Argument(help="A data folder, or the name of one under $WEAKSEG_DATA.")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page that shows the labels on the images.")
    ] = None,
    json: Json = False,
) -> None:
    """Find the problems of a data set before training on it."""
    from weakseg.commands.check import check_and_show

    raise typer.Exit(1 if check_and_show(data, html, json) else 0)


@app.command(rich_help_panel=_RESEARCH)
def simulate(
    data: Annotated[str, typer.Argument(help="A data folder with full masks.")],
    out: Annotated[Path, typer.Option("--out", help="Output folder for the labels; nothing in it is overwritten.")],
    kind: Annotated[str, typer.Option("--kind", help="Kind of labels: scribbles, clicks, boxes, tags or sizes.")],
    length: Annotated[
        float, typer.Option("--length", min=0, max=1, help="Relative length of scribbles; 0 gives dots.")
    ] = 1.0,
    width: Annotated[float, typer.Option("--width", min=1, help="Width of the pen in pixels.")] = 3.0,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="Give one bit per size instead of an interval: above or below this fraction of the image.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of the simulated annotator.")] = 0,
    split: Annotated[str, typer.Option("--split", help="Name of the split: splits/<name>.txt.")] = "train",
) -> None:
    """Simulate weak labels from full masks, and show them on a page."""
    from weakseg.commands.simulate import simulate_and_show

    simulate_and_show(data, out, kind, length, width, threshold, seed, split)


@app.command(rich_help_panel=_RESEARCH)
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


@app.command()
def studio(
    data: Annotated[
        str, typer.Argument(help="A data folder, a folder of images, or the name of one under $WEAKSEG_DATA.")
    ],
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port of the page; any free one by default.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    run: Annotated[
        Path | None, typer.Option("--run", help="A run folder whose network's prediction counts as well.")
    ] = None,
) -> None:
    """Draw labels in the browser, and see at once what they imply."""
    from weakseg.commands.studio import studio_and_show

    studio_and_show(data, port, browser, run)


@app.command()
def train(
    what: Annotated[str, typer.Argument(help="A recipe file (.py), or a data folder.")],
    out: Annotated[Path, typer.Option("--out", help="The new run folder; with --resume, the existing one.")],
    device: Device = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Random seed, instead of the recipe's.")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Number of epochs, instead of the recipe's.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option("--network", help="For a data folder: a hub name, a folder of weights, or 'unet' (from scratch)."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", help="For a data folder: the label folder or table to train on; repeatable."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method", help="For a data folder: joint, gated-crf, partial or constraints, depending on the labels."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the run's last checkpoint.")] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Resume although the data changed, or the best network is missing."),
    ] = False,
) -> None:
    """Train a recipe, or a default one that suits a data folder."""
    from weakseg.commands.train import Wanted, train_and_show

    wanted = Wanted(seed, epochs, network, tuple(labels or ()) or None, method)
    train_and_show(what, out, device, resume, accept_changes, wanted)


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
def predict(
    run: Annotated[Path, typer.Argument(help="A run folder, or an ONNX file that was exported from one.")],
    files: Annotated[list[Path], typer.Argument(help="Image files, or volumes.")],
    out: Annotated[Path, typer.Option("--out", help="Output folder for the masks; nothing in it is overwritten.")],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the probabilities, as .npz.")
    ] = False,
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also write images with the masks drawn on them.")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Also write files of a program: coco, cvat, label-studio, labelme, qupath, imagej or napari.",
        ),
    ] = None,
    plane: Annotated[
        str | None, typer.Option("--plane", help="For volumes: the plane of the slices, by default the training's.")
    ] = None,
    crf: Crf = False,
    device: Device = None,
    json: Json = False,
    recipe: OwnRecipe = None,
) -> None:
    """Segment images of any size with a trained network."""
    from weakseg.commands.predict import Wanted, predict_and_show

    predict_and_show(run, files, out, device, Wanted(probabilities, overlays, crf, json, format, plane), recipe)


Licence = Annotated[
    str | None,
    typer.Option("--licence", help="Licence of the weights that the training began from, if no file says it."),
]


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="The ONNX file to write: images in [0, 1] to logits, of any size.")
    ] = None,
    nnunet: Annotated[
        Path | None,
        typer.Option(
            "--nnunet", help="The raw data set of nnU-Net to write, Dataset101_Name: images and found labels."
        ),
    ] = None,
    sure: Annotated[
        float,
        typer.Option("--sure", min=0, max=1, help="For nnU-Net: pixels whose class is less probable are ignored."),
    ] = 0.9,
    licence: Licence = None,
    last: Annotated[bool, typer.Option("--last", help="Use the last checkpoint instead of the best.")] = False,
    recipe: OwnRecipe = None,
) -> None:
    """Write a trained network, or the labels it found, for other programs."""
    from weakseg.commands.export import Wanted, export_and_show

    export_and_show(run, Wanted(onnx, nnunet, sure, licence, "last" if last else "best"), recipe)


@app.command()
def push(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    name: Annotated[str, typer.Argument(help="Its name on the Hugging Face hub: owner/name.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public; otherwise private.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="Upload the network as an ONNX file too.")] = False,
    licence: Licence = None,
    recipe: OwnRecipe = None,
) -> None:
    """Upload a run to the Hugging Face hub, with a card that says what its labels cost."""
    from weakseg.commands.export import push_and_show

    push_and_show(run, name, public, onnx, licence, recipe)


@app.command()
def serve(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of the images that Label Studio shows.")],
    label_studio: Annotated[
        bool, typer.Option("--label-studio", help="Answer as a machine learning backend of Label Studio.")
    ] = False,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; by default this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 is any free one.")] = 9090,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Pre-annotate in Label Studio, and segment from key points and boxes there."""
    from weakseg.commands.serve import serve_and_show
    from weakseg.errors import RecipeInvalid

    if not label_studio:
        raise RecipeInvalid("no tool is named", expected="--label-studio", fix="add --label-studio")
    serve_and_show(run, images, host, port, device, recipe)


@app.command(rich_help_panel=_RESEARCH)
def tune_crf(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    images: Annotated[int, typer.Option("--images", min=1, help="Number of images to tune on.")] = 100,
    device: Device = None,
    recipe: OwnRecipe = None,
) -> None:
    """Tune the CRF on held-out masks; used by --crf."""
    from weakseg.experiments.tune_crf import tune_and_show

    tune_and_show(run, images, device, recipe)


@app.command()
def solve(
    image: Annotated[Path, typer.Argument(help="An image.")],
    scribbles: Annotated[
        Path,
        typer.Option("--scribbles", help="Your labels: a label map of its size, or an annotation tool's file."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The mask to write, a new PNG.")],
    unlabeled: Annotated[
        str | None,
        typer.Option(
            "--unlabeled",
            help='Marker of unlabelled pixels: a value, "#rrggbb" or transparent. By default 255; in colour images'
            " the transparent pixels, or else the most frequent colour.",
        ),
    ] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend",
            help="A data folder that declares the values or colours of the scribbles, and how images are read.",
        ),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="Also write a PNG of the mask on the image.")
    ] = None,
    range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range", help="For images of more than 8 bits: the values of black and white, 0 4095.", metavar="LOW HIGH"
        ),
    ] = None,
    ignore_exif: Annotated[
        bool, typer.Option("--ignore-exif", help="Ignore the EXIF orientation of the image.")
    ] = False,
    json: Json = False,
) -> None:
    """Segment one image from scribbles, without a network."""
    from weakseg.commands.solve import solve_and_show
    from weakseg.data.images.stored import Reading

    solve_and_show(image, scribbles, out, unlabeled, overlay, json, Reading(not ignore_exif, range), legend)


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


@app.command(rich_help_panel=_RESEARCH)
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


def main() -> None:
    """Run the command line; an error ends in one message."""
    end(app)
