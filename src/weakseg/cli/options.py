"""The command line without its commands, and the options that several of them share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_QUIET = "--quiet"
RESEARCH = "For research"


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
Licence = Annotated[
    str | None,
    typer.Option("--licence", help="Licence of the weights that the training began from, if no file says it."),
]


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
