"""The studio inside a cell of a notebook."""

import secrets
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image

from weakseg.arrays.given import Given, tensor_of
from weakseg.console.progress_bar import tell
from weakseg.data.overlay import as_rgb
from weakseg.errors import DataInvalid
from weakseg.files.whole_file import write_whole
from weakseg.runs.lock import RunBusy, lock
from weakseg.studio.bare_images import folder_of_images
from weakseg.studio.guard import NOTEBOOKS
from weakseg.studio.project import Project
from weakseg.studio.stage_a import seeds_of
from weakseg.studio.studio import Studio

HEIGHT_PX = 720

_opened: dict[Path, ExitStack] = {}
"""What is open in this process, by the place of its folder."""


@dataclass(frozen=True)
class Drawing:
    """An open studio; as the last value of a cell, its page."""

    folder: Path
    """The data folder, which `weakseg train` reads; boxes and tags are in its tables."""
    address: str
    """Where the page is; it works once, in the cell or in a tab."""
    _project: Project
    _open: ExitStack

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; labels are their indices."""
        return self._project.classes.names

    def labels(self) -> dict[str, Int[np.ndarray, "H W"]]:
        """What scribbles, polygons and clicks say now of each image, by its name; `UNLABELED` elsewhere."""
        layers = {key: self._project.state(number)[1] for number, key in enumerate(self._project.keys)}
        return {key: seeds_of(each, (each.seeds.shape[0], each.seeds.shape[1])) for key, each in layers.items()}

    def end(self) -> None:
        """End the studio; the folder stays."""
        self._open.close()

    def __repr__(self) -> str:
        return f"Drawing(folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """The page in a frame, by the name of this machine that the notebook has: the cookie is of that name alone."""
        port, token = self.address.removeprefix("http://127.0.0.1:").split("/?token=")
        name, style = f"weakseg-{port}", f"width: 100%; height: {HEIGHT_PX}px; border: 0"
        return (
            f'<iframe id="{name}" title="weakseg studio" style="{style}"></iframe>'
            f'<script>document.getElementById("{name}").src = "http://" + (location.hostname === "localhost" ?'
            f' "localhost" : "127.0.0.1") + ":{port}/?token={token}";</script>'
        )


def draw(images: str | Path | Sequence[Given], classes: Sequence[str] = ()) -> Drawing:
    """The studio on some images, inside a cell of a notebook on this machine.

    The same folder again, as when a cell is run again, ends the studio that it had.

    Args:
        images: a data folder, a folder of images, or arrays (M, H, W) in [0, 1], which go to a temporary folder as PNGs
            of 8 bits and stay there with what is drawn.
        classes: names of the classes of arrays; more can be added in the page.

    Raises:
        DataInvalid: there are no images, they are no arrays of 1 or 3 channels in [0, 1], or the extra weakseg[studio]
            is missing.
    """
    try:
        from weakseg.studio.app import application
        from weakseg.studio.serve import bound, server_of
    except ModuleNotFoundError as error:
        found = f"the studio needs the package {error.name}"
        raise DataInvalid(found, fix="pip install 'weakseg[studio]'") from None
    named = isinstance(images, str | Path)
    root = folder_of_images(Path(images), tell) if named else _folder_of_arrays(images, classes)
    place = root.resolve()
    if place in _opened:
        _opened.pop(place).close()
    with ExitStack() as opening:
        try:
            opening.enter_context(lock(root / "studio"))
        except RunBusy as error:
            raise DataInvalid(f"{root} is open in another studio", fix="end that one first") from error
        project = Project(root, tell)
        listening = opening.enter_context(bound(None))
        port, token, studio = listening.getsockname()[1], secrets.token_urlsafe(24), Studio(project)
        opening.callback(studio.end)
        server = server_of(application(studio, port, token, NOTEBOOKS))
        thread = threading.Thread(target=server.run, args=([listening],), name="studio", daemon=True)
        thread.start()
        opening.callback(thread.join, 10)
        opening.callback(setattr, server, "should_exit", True)
        _opened[place] = opening.pop_all()
        return Drawing(root, f"http://127.0.0.1:{port}/?token={token}", project, _opened[place])


def _folder_of_arrays(images: Sequence[Given], classes: Sequence[str]) -> Path:
    """A temporary data folder of arrays."""
    pictures = [_picture(number, tensor_of(image, f"images[{number}]").numpy()) for number, image in enumerate(images)]
    if not pictures:
        raise DataInvalid("no images", fix="give a folder, or arrays (M, H, W) in [0, 1]")
    root = Path(tempfile.mkdtemp(prefix="weakseg-studio-"))
    (root / "images").mkdir()
    if classes:
        text = "".join(f"{name}\n" for name in classes)
        write_whole(root / "classes.txt", lambda part: part.write_text(text, encoding="utf-8"))
    for number, picture in enumerate(pictures):
        picture.save(root / "images" / f"{number:04}.png")
    tell(f"what you draw is kept in {root}")
    return root


def _picture(number: int, image: np.ndarray) -> Image.Image:
    inside = image.ndim == 3 and image.shape[0] in (1, 3) and image.size and 0 <= image.min() <= image.max() <= 1
    if not inside:
        shape = tuple(image.shape)
        found = f"images[{number}] has the shape {shape}" + (
            "" if not image.size else f", values from {image.min():g} to {image.max():g}"
        )
        raise DataInvalid(
            found,
            expected="1 or 3 channels first, values in [0, 1]",
            fix="divide 8-bit images by 255, and move channels to the front",
        )
    return Image.fromarray(as_rgb(image.astype(np.float32)))
