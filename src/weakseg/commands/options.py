"""What is asked of a command: the options of the command line that it takes as one record.

`cli/` makes an option of each field.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, cuda:1 or mps; by default the fastest available.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
OwnRecipe = Annotated[
    Path | None, typer.Option("--recipe", help="The run's recipe file, for classes of your own; it is executed.")
]
Crf = Annotated[
    bool,
    typer.Option("--crf", help="Let boundaries follow colours (a CRF): by the setting of tune-crf if the run has one."),
]
Licence = Annotated[
    str | None,
    typer.Option("--licence", help="Licence of the weights that the training began from, if no file says it."),
]


@dataclass(frozen=True)
class ImportOptions:
    """What names and marks of annotation files become."""

    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="What a name in the files means: Hund=dog, or ruler=ignore; repeatable."),
    ] = None
    becomes: Annotated[
        list[str] | None,
        typer.Option("--as", help="What a kind of mark becomes: polygon=box, or dog:polygon=box; repeatable."),
    ] = None


@dataclass(frozen=True)
class TrainOptions:
    """Changes to a recipe, or choices for a data folder; `None` where not given."""

    device: Device = None
    seed: Annotated[int | None, typer.Option("--seed", help="Random seed, instead of the recipe's.")] = None
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Number of epochs, instead of the recipe's.")
    ] = None
    network: Annotated[
        str | None,
        typer.Option("--network", help="For a data folder: a hub name, a folder of weights, or 'unet' (from scratch)."),
    ] = None
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", help="For a data folder: the label folder or table to train on; repeatable."),
    ] = None
    method: Annotated[
        str | None,
        typer.Option(
            "--method", help="For a data folder: joint, gated-crf, partial or constraints, depending on the labels."
        ),
    ] = None


@dataclass(frozen=True)
class PredictOptions:
    """What is written beside the masks, and how they are found."""

    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also write the probabilities, as .npz.")] = (
        False
    )
    overlays: Annotated[bool, typer.Option("--overlays", help="Also write images with the masks drawn on them.")] = (
        False
    )
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Also write files of a program: coco, cvat, label-studio, labelme, qupath, geojson, imagej or napari.",
        ),
    ] = None
    plane: Annotated[
        str | None, typer.Option("--plane", help="For volumes: the plane of the slices, by default the training's.")
    ] = None
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="Go on with a prediction into this folder, together with any number of processes that do the same.",
        ),
    ] = False
    revision: Annotated[
        str | None, typer.Option("--revision", help="For a run on the hub: the commit, by default the newest.")
    ] = None
    crf: Crf = False
    device: Device = None
    json: Json = False


@dataclass(frozen=True)
class ExportOptions:
    """The files and folders to write, and what they hold."""

    onnx: Annotated[
        Path | None, typer.Option("--onnx", help="The ONNX file to write: images in [0, 1] to logits, of any size.")
    ] = None
    nnunet: Annotated[
        Path | None,
        typer.Option(
            "--nnunet", help="The raw data set of nnU-Net to write, Dataset101_Name: images and found labels."
        ),
    ] = None
    sure: Annotated[
        float,
        typer.Option("--sure", min=0, max=1, help="For nnU-Net: pixels whose class is less probable are ignored."),
    ] = 0.9
    licence: Licence = None
    last: Annotated[bool, typer.Option("--last", help="Use the last checkpoint instead of the best.")] = False


@dataclass(frozen=True)
class SolveOptions:
    """How an image and its scribbles are read, and what is written beside the mask."""

    unlabeled: Annotated[
        str | None,
        typer.Option(
            "--unlabeled",
            help='Marker of unlabelled pixels: a value, "#rrggbb" or transparent. By default 255; in colour images'
            " the transparent pixels, or else the most frequent colour; in volumes 0.",
        ),
    ] = None
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend",
            help="A data folder that declares the values or colours of the scribbles, and how images are read.",
        ),
    ] = None
    overlay: Annotated[Path | None, typer.Option("--overlay", help="Also write a PNG of the mask on the image.")] = None
    range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range", help="For images of more than 8 bits: the values of black and white, 0 4095.", metavar="LOW HIGH"
        ),
    ] = None
    ignore_exif: Annotated[bool, typer.Option("--ignore-exif", help="Ignore the EXIF orientation of the image.")] = (
        False
    )
    json: Json = False


@dataclass(frozen=True)
class SimulateOptions:
    """The kind of labels to simulate, and how they are drawn."""

    kind: Annotated[str, typer.Option("--kind", help="Kind of labels: scribbles, clicks, boxes, tags or sizes.")]
    length: Annotated[
        float, typer.Option("--length", min=0, max=1, help="Relative length of scribbles; 0 gives dots.")
    ] = 1.0
    width: Annotated[float, typer.Option("--width", min=1, help="Width of the pen in pixels.")] = 3.0
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="Give one bit per size instead of an interval: above or below this fraction of the image.",
        ),
    ] = None
