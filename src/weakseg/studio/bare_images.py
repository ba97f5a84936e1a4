"""A folder of bare images, opened as a data folder."""

import os
from collections.abc import Callable
from pathlib import Path

from weakseg.data.folder.contents import list_files
from weakseg.errors import DataInvalid, WeaksegError, WriteRefused


def folder_of_images(path: Path, tell: Callable[[str], None]) -> Path:
    """The data folder of a path: itself, or one made beside a folder of bare images.

    Raises:
        DataInvalid: it holds no images.
        WriteRefused: nothing can be made beside it.
    """
    if (path / "images").is_dir():
        return path
    problems: list[WeaksegError] = []
    if not list_files(path, problems):
        raise DataInvalid(f"{path} holds no images and no folder images/", fix="name a folder of images")
    place = path.resolve()
    data = place.with_name(f"{place.name}-labels")
    try:
        data.mkdir(exist_ok=True)
        if not os.path.lexists(data / "images"):
            (data / "images").symlink_to(Path("..") / place.name, target_is_directory=True)
    except OSError as error:
        found = f"{data} cannot be made: {error.strerror}"
        raise WriteRefused(found, fix="make a data folder with `weakseg new`, and put the images there") from error
    tell(f"{path} holds images alone: their labels go to {data}, whose images/ is a link to them")
    return data
