"""`weakseg report`: a self-contained page about one or more runs."""

from collections.abc import Sequence
from pathlib import Path

from weakseg.console.duration import counted
from weakseg.console.progress_bar import stages
from weakseg.errors import RecipeInvalid
from weakseg.report.page import write_report
from weakseg.runs.run import open_run


def report_and_show(runs: list[Path], out: Path | None, recipes: Sequence[Path] = ()) -> None:
    """Write the page, and report where it is.

    By default it goes into the first run's folder.
    """
    if len(recipes) not in (0, len(runs)):
        found = f"{counted(len(recipes), 'recipe')} for {counted(len(runs), 'run')}"
        raise RecipeInvalid(found, expected="--recipe once for each run, in the same order")
    page = out or runs[0] / "report.html"
    pairs = zip(runs, recipes or [None] * len(runs), strict=True)
    with stages("opening the runs") as say:
        write_report([open_run(run, recipe) for run, recipe in pairs], page, say)
    print(f"report: {page}")
