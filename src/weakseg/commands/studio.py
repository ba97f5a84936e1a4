"""`weakseg studio`: labels drawn in a browser."""

from pathlib import Path

from weakseg.console.progress_bar import tell
from weakseg.data.folder.folder import find
from weakseg.errors import DataInvalid, RunInvalid
from weakseg.runs.lock import RunBusy, lock
from weakseg.runs.run import open_run
from weakseg.studio.bare_images import folder_of_images
from weakseg.studio.demo import demo_folder, leave
from weakseg.studio.project import Project
from weakseg.studio.sight import Predict


def studio_and_show(data: str | None, port: int | None, browser: bool, run: Path | None, demo: bool) -> None:
    """Open a folder, or generated scenes, in the studio, until Ctrl-C."""
    if demo == (data is not None):
        found = f"a demonstration and the folder {data}" if demo else "no folder"
        raise DataInvalid(found, expected="a data folder, a folder of images, or --demo")
    try:
        from weakseg.studio.serve import serve as serve  # first: without its packages nothing is made
    except ModuleNotFoundError as error:
        found = f"the studio needs the package {error.name}"
        raise DataInvalid(found, fix="pip install 'weakseg[studio]'") from None
    if data is not None:
        _open(folder_of_images(find(data), tell), port, browser, run)
        return
    root = demo_folder(tell)
    try:
        _open(root, port, browser, run)
    finally:
        leave(root, tell)


def _open(root: Path, port: int | None, browser: bool, run: Path | None) -> None:
    from weakseg.studio.serve import serve

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
