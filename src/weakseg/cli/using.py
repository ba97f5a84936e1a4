"""Commands that use a network, or stage A alone, on images of yours, and that pass a network on."""

from pathlib import Path
from typing import Annotated

import typer

from weakseg.cli.program import app, with_options
from weakseg.commands.options import Device, ExportOptions, Licence, OwnRecipe, PredictOptions, SolveOptions


@app.command()
@with_options
def predict(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder, an ONNX file that was exported from one, or a run on the hub: owner/name."),
    ],
    files: Annotated[list[Path], typer.Argument(help="Image files, or volumes.")],
    out: Annotated[Path, typer.Option("--out", help="Output folder for the masks; nothing in it is overwritten.")],
    wanted: PredictOptions,
    recipe: OwnRecipe = None,
) -> None:
    """Segment images of any size with a trained network."""
    from weakseg.commands.predict import predict_and_show

    predict_and_show(run, files, out, wanted, recipe)


@app.command()
@with_options
def export(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    wanted: ExportOptions,
    recipe: OwnRecipe = None,
) -> None:
    """Write a trained network, or the labels it found, for other programs."""
    from weakseg.commands.export import export_and_show

    export_and_show(run, wanted, recipe)


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
        bool,
        typer.Option(
            "--label-studio",
            help="Answer as a machine learning backend of Label Studio; always needed, as no other tool is served yet.",
        ),
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


@app.command()
@with_options
def solve(
    image: Annotated[Path, typer.Argument(help="An image, or a volume (NIfTI, NRRD).")],
    scribbles: Annotated[
        Path,
        typer.Option(
            "--scribbles",
            help="Your labels: a label map of its size, or an annotation tool's file; for a volume, one of labels.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The mask to write, a new PNG; of a volume a file of its format.")],
    wanted: SolveOptions,
) -> None:
    """Segment one image or volume from scribbles, without a network."""
    from weakseg.commands.solve import solve_and_show

    solve_and_show(image, scribbles, out, wanted)
