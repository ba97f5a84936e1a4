"""`weakseg studio`: labels drawn in a browser."""

from pathlib import Path

from weakseg.console.progress_bar import tell
from weakseg.data.folder.folder import find
from weakseg.errors import DataInvalid, RunInvalid
from weakseg.runs.lock import RunBusy, lock
from weakseg.runs.run import open_run
from weakseg.studio.project import Project, folder_of_images
from weakseg.studio.sight import Predict


def studio_and_show(data: str, port: int | None, browser: bool, run: Path | None) -> None:
    """Open a folder in the studio, until Ctrl-C."""
    try:
        from weakseg.studio.serve import serve
    except ModuleNotFoundError as error:
        found = f"the studio needs the package {error.name}"
        raise DataInvalid(found, fix="pip install 'weakseg[studio]'") from None
    root = folder_of_images(find(data), tell)
    try:
        with lock(root / "studio"):
            project = Project(root, tell)
            serve(project, None if run is None else _predictor(run, project), port, browser, tell)
    except RunBusy as error:
        raise DataInvalid(f"{root} is open in another studio", fix="end that one first") from error


def _predictor(run: Path, project: Project) -> Predict:
    opened = open_run(run)
    if opened.classes.names != project.classes.names:
        found = f"{run} knows the classes {', '.join(opened.classes.names)}"
        raise RunInvalid(found, expected=f"those of the folder: {', '.join(project.classes.names)}")
    return opened.predictor()
