"""The command line without its commands."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from functools import wraps
from importlib.metadata import version as version_of
from inspect import signature
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


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with an option for each field of the records among its arguments.

    The command line is asked for one option after the other; the command is given the records.
    """
    takes = signature(command)
    kinds = {name: each.annotation for name, each in takes.parameters.items() if isinstance(each.annotation, type)}
    records = {name: kind for name, kind in kinds.items() if is_dataclass(kind)}

    @wraps(command)
    def run(**given: Any) -> None:
        for name, record in records.items():
            given[name] = record(**{field.name: given.pop(field.name) for field in fields(record)})
        command(**given)

    options = [
        option
        for name, each in takes.parameters.items()
        for option in (signature(records[name]).parameters.values() if name in records else (each,))
    ]
    run.__signature__ = takes.replace(parameters=options)  # pyright: ignore[reportAttributeAccessIssue]
    return run


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
