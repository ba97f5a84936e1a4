"""Commands that use a network, or stage A alone, on images of yours, and that pass a network on."""

from pathlib import Path
from typing import Annotated

import typer

from weakseg.cli.options import Crf, Device, Json, Licence, OwnRecipe, app


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
