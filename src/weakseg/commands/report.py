"""`weakseg report`: one self-contained page about one or more runs."""

from pathlib import Path

from rich.console import Console

from weakseg.report.page import write_report
from weakseg.train.run_folder import open_run


def report_and_show(runs: list[Path], out: Path | None) -> None:
    """Write the page, by default into the first run, and say where it is."""
    page = out or runs[0] / "report.html"
    with Console(stderr=True).status("opening the runs") as status:
        write_report([open_run(run) for run in runs], page, status.update)
    print(f"report: {page}")
