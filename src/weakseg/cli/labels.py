"""Commands on labels: a data folder is made, filled, looked at and drawn on."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from weakseg.cli.program import app, with_options
from weakseg.commands.options import ImportOptions, Json


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
@with_options
def import_(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Files, folders or zips of an annotation tool; or volumes.", metavar="SOURCE..."),
    ],
    images: Annotated[Path, typer.Option("--images", help="Folder of the annotated images.")],
    into: Annotated[Path, typer.Option("--into", help="The data folder to make: a new or empty folder.")],
    wanted: ImportOptions,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page that shows the marks as they were drawn.")
    ] = None,
    plane: Annotated[
        str | None, typer.Option("--plane", help="For volumes: axial, coronal or sagittal slices.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a data folder from annotation files, or from volumes with labels."""
    from weakseg.commands.imports.annotations import import_and_show, uses_of

    import_and_show(sources, images, into, uses_of(wanted.names or (), wanted.becomes or ()), html, json, plane)


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


@app.command()
def studio(
    data: Annotated[
        str | None, typer.Argument(help="A data folder, a folder of images, or the name of one under $WEAKSEG_DATA.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port of the page; any free one by default.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    run: Annotated[
        Path | None, typer.Option("--run", help="A run folder whose network's prediction counts as well.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Generated scenes in a temporary folder, which is kept if you draw on them.")
    ] = False,
) -> None:
    """Draw labels in the browser, and see at once what they imply."""
    from weakseg.commands.studio import studio_and_show

    studio_and_show(data, port, browser, run, demo)
