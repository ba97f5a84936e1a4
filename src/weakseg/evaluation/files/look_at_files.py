"""Image files as they are before a prediction: what is wrong with them, and which of them need windows."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from weakseg.data.check.ranges import Group, groups_of
from weakseg.data.images.image_file import EXTENSIONS, decode, interpreted
from weakseg.data.images.value_range import Held, written
from weakseg.data.rasters.open import opened_raster
from weakseg.data.rasters.raster import Raster
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.evaluation.context import Context
from weakseg.evaluation.files.predict_large import by_windows, context, glimpse, large, with_nodata
from weakseg.evaluation.image_input import fitted
from weakseg.evaluation.segments import Segments


@dataclass(frozen=True)
class Looked:
    """What was found in image files."""

    problems: list[WeaksegError]
    remarks: list[str]
    windows: dict[Path, int]
    """The number of windows of each image that is predicted by windows."""
    halo: int
    held: dict[str, Held | None]
    """The range of values of each image that was read."""
    unreadable: list[Path]
    """Images with a problem."""


def look_at(predictor: Segments, paths: Sequence[Path]) -> Looked:
    """Errors and remarks about image files, and the windows of large ones."""
    looked = look_at_large(predictor, paths)
    problems, held = [*looked.problems], {**looked.held}
    told = {str(path) for path in looked.unreadable}
    for path in paths:
        if path in looked.windows or str(path) in told:
            continue
        try:
            read = decode(path, predictor.reading)
            held[str(path)] = read.held
            fitted(read.image, predictor.channels, str(path))
        except WeaksegError as problem:
            problems.append(problem)
    strange = [_advice(group) for group in groups_of(held, predictor.reading.range) if group.strange]
    return replace(looked, problems=problems, remarks=[*strange, *looked.remarks], held=held)


def look_at_large(predictor: Segments, paths: Sequence[Path]) -> Looked:
    """The same of images that are predicted by windows, and of what is no image; no other is opened further."""
    looked, around = Looked([], [], {}, 0, {}, []), Context(0, 0.0)
    for path in paths:
        try:
            if path.is_dir():
                raise _is_folder(path)
            with opened_raster(path) as raster:
                if raster is None or not by_windows(raster):
                    continue
                around = around if looked.windows else context(predictor)
                stored = glimpse(raster)
                read = interpreted(path, stored.values, with_nodata(predictor.reading, raster), stored.opacity)
                fitted(read.image, predictor.channels, str(path))
                looked.windows[path] = len(large(predictor, raster, around.halo).blocks)
                looked.held[str(path)] = read.held
                looked.remarks.extend(_unplaced(raster))
        except WeaksegError as problem:
            looked.problems.append(problem)
            looked.unreadable.append(path)
    told = [around.remark] if around.remark else []
    return replace(looked, remarks=[*looked.remarks, *told], halo=around.halo)


def _unplaced(raster: Raster) -> list[str]:
    """A remark on a place without a coordinate system."""
    if not raster.grid.is_placed or raster.grid.has_system:
        return []
    return [f"{raster.name} has the size and place of its pixels, but no coordinate system; nor will its mask"]


def _is_folder(path: Path) -> DataInvalid:
    """The error for a folder, with the images in it."""
    folder = path / "images" if (path / "images").is_dir() else path
    endings = Counter(file.suffix for file in folder.iterdir() if file.suffix.lower() in EXTENSIONS)
    if not endings:
        return DataInvalid(f"{path} is a folder without images", expected="image files")
    names = " ".join(f"{shlex.quote(str(folder))}/*{ending}" for ending in endings)
    found = f"{path} is a folder ({sum(endings.values())} images)"
    return DataInvalid(found, expected="image files", fix=f"name them: {names} in place of {shlex.quote(str(path))}")


def _advice(group: Group) -> str:
    """A warning about values unlike those of the training."""
    if group.declared:
        fix = "check that these images come from the same camera as the training's, with the same kind of values"
        return f"{group.strange}, which the training declared\nto do: {fix}"
    low, high = group.fitting
    return (
        f"{group.strange}; the training's images declare no range\nto do: if those have such values too, write"
        f" `{written(group.fitting)}` into their dataset.toml and train again; otherwise convert these images to"
        f" `((values - {low}) / ({high} - {low})).clip(0, 1).astype(numpy.float32)`"
    )
