"""Marks on the ground, brought to the images that show it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.images.image_file import orientation_of
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.images.stored import Reading
from weakseg.errors import DataInvalid
from weakseg.finding import some
from weakseg.formats.format import noted
from weakseg.formats.georeference import Grid, grid_of, name_of, reprojected, require_datum
from weakseg.marks.mark import GroundMarks, Ignored, ImageMarks, Mark
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Polygon, vertices_of, with_vertices

_TIFFS = (".tif", ".tiff")


@dataclass(frozen=True)
class Placed:
    """Marks on the ground, by image."""

    images: dict[str, ImageMarks]
    """Marks of each image that shows any of them, by key."""
    ignored: tuple[Ignored, ...]
    notes: tuple[str, ...]


def placed(layers: Sequence[GroundMarks], images: Mapping[str, Path], reading: Reading) -> Placed:
    """The marks that lie on each image; one that reaches into several images is a mark of each.

    Args:
        layers: the marks, of which there is a layer at least.
        images: path of each image, by key.
        reading: the orientation in which images are read.

    Raises:
        DataInvalid: no image states where it lies, some state no coordinate reference system or another datum, or no
            mark lies on any image; all problems at once.
    """
    grids = _grids(images, reading, layers[0].place)
    targets = tuple(dict.fromkeys(grid.crs for grid in grids.values()))
    _require_datums(layers, targets)
    found: dict[str, list[Mark]] = {}
    ignored: list[Ignored] = []
    notes: dict[str, None] = {}
    for layer in filter(lambda layer: layer.marks, layers):
        # A mark may lie on several images and is ignored only where it lies on none.
        seen: set[int] = set()
        vertices = _Vertices.of(layer)
        for target in targets:
            moved = vertices.moved(layer.crs, target)
            if name_of(layer.crs) != name_of(target):
                notes[f"{layer.place} was brought from {name_of(layer.crs)} to {name_of(target)}."] = None
            for key, grid in grids.items():
                if grid.crs == target:
                    for index, mark in _marks_on(grid, layer, moved, ignored):
                        found.setdefault(key, []).append(mark)
                        seen.add(index)
        beyond = (mark for index, mark in enumerate(layer.marks) if index not in seen)
        ignored += [Ignored(mark.source, mark.kind, "it lies on no image") for mark in beyond]
    if not found and any(layer.marks for layer in layers):
        raise _nowhere(layers, grids)
    entries = {key: ImageMarks(key, (grids[key].height, grids[key].width), tuple(own)) for key, own in found.items()}
    return Placed(entries, tuple(ignored), tuple(notes))


def require_grid(entry: ImageMarks, path: Path) -> None:
    """Raise `DataInvalid` unless labels with a place on the ground lie on the grid of their image.

    An image that states no place is only of the same size.
    """
    assert entry.ground is not None
    assert entry.size is not None
    own = grid_of(path) if path.suffix.lower() in _TIFFS else None
    if own is not None and not own.is_same(labels := Grid(*entry.ground, *entry.size)):
        raise DataInvalid(
            f"the labels of {path} lie on another grid: they have {labels}, the image has {own}",
            expected="the grid of the image; nothing is resampled",
            fix="bring the labels to it: gdalwarp -r near -t_srs CRS -te XMIN YMIN XMAX YMAX -ts WIDTH HEIGHT in out",
        )


def _grids(images: Mapping[str, Path], reading: Reading, place: str) -> dict[str, Grid]:
    """The grid of each image that states one."""
    found: dict[str, Grid] = {}
    problems: list[DataInvalid] = []
    for key, path in images.items():
        if path.suffix.lower() not in _TIFFS:
            continue
        try:
            if (grid := grid_of(path)) is not None:
                found[key] = grid
                if reading.upright:
                    _require_upright(path)
        except DataInvalid as problem:
            problems.append(problem)
    if without := [str(images[key]) for key, grid in found.items() if not grid.crs]:
        states = "states" if len(without) == 1 else "state"
        fix = "write it into the images: gdal_edit.py -a_srs EPSG:32633 image.tif, with the CRS that they have"
        problems.append(DataInvalid(f"{some(without)} {states} no coordinate reference system (CRS)", fix=fix))
    if problems:
        raise DataInvalid.of(problems)
    if not found:
        found_none = f"{place} has marks on the ground, but none of the {len(images)} images states where it lies"
        raise DataInvalid(found_none, expected="GeoTIFFs with an affine grid", fix="name their folder with --images")
    return found


def _require_upright(path: Path) -> None:
    if orientation_of(path) != AS_STORED:
        fix = "remove the orientation: gdal_translate in.tif out.tif"
        raise DataInvalid(f"{path} has both a place on the ground and an EXIF orientation", fix=fix)


def _require_datums(layers: Sequence[GroundMarks], targets: Sequence[str]) -> None:
    problems: list[DataInvalid] = []
    for layer in layers:
        for target in targets:
            try:
                require_datum(layer.crs, target)
            except DataInvalid as problem:
                problems.append(DataInvalid(f"{layer.place}: {problem.found}", fix=problem.fix))
    if problems:
        raise DataInvalid.of(problems)


@dataclass(frozen=True, eq=False)
class _Vertices:
    """The vertices of all marks of a layer."""

    points: Float[np.ndarray, "N 2"]
    """One mark after the other; nan if a projection does not reach the mark."""
    starts: Int[np.ndarray, " M"]
    """Where each mark begins."""

    @classmethod
    def of(cls, layer: GroundMarks) -> "_Vertices":
        """The vertices as the file has them."""
        each = [vertices_of(mark.shape) for mark in layer.marks]
        counts = np.array([len(points) for points in each])
        return cls(np.concatenate(each), np.cumsum(counts) - counts)

    @cached_property
    def bounds(self) -> tuple[Float[np.ndarray, "M 2"], Float[np.ndarray, "M 2"]]:
        """The lowest and the highest coordinates of each mark."""
        return np.minimum.reduceat(self.points, self.starts), np.maximum.reduceat(self.points, self.starts)

    def of_mark(self, index: int) -> Float[np.ndarray, "_ 2"]:
        """The vertices of a mark."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.points)
        return self.points[self.starts[index] : end]

    def moved(self, source: str, target: str) -> "_Vertices":
        """The vertices in another CRS."""
        try:
            return replace(self, points=reprojected(self.points, source, target))
        except DataInvalid:
            moved = [_moved_or_nan(points, source, target) for points in np.split(self.points, self.starts[1:])]
            return replace(self, points=np.concatenate(moved))


def _moved_or_nan(points: Float[np.ndarray, "N 2"], source: str, target: str) -> Float[np.ndarray, "N 2"]:
    try:
        return reprojected(points, source, target)
    except DataInvalid:
        return np.full_like(points, np.nan)


def _marks_on(
    grid: Grid, layer: GroundMarks, vertices: _Vertices, ignored: list[Ignored]
) -> Iterator[tuple[int, Mark]]:
    """The marks of a layer on an image, with their index."""
    corners, size = grid.corners(), (grid.height, grid.width)
    lowest, highest = vertices.bounds
    near = ((highest >= corners.min(0)) & (lowest <= corners.max(0))).all(axis=1)
    for index in np.flatnonzero(near).tolist():
        mark, points = layer.marks[index], grid.to_pixels(vertices.of_mark(index))
        with noted(ignored, mark.source, mark.kind):
            if (points.max(0) >= 0).all() and (points.min(0) <= size).all():
                shape = with_vertices(mark.shape, points)
                inside = (points >= 0).all() and (points <= size).all()
                # The box around an area may reach an image that the area itself does not.
                if inside or not isinstance(shape, Polygon) or pixels_of(shape, size).inside.any():
                    yield index, replace(mark, shape=shape)


def _nowhere(layers: Sequence[GroundMarks], grids: Mapping[str, Grid]) -> DataInvalid:
    layer = next(layer for layer in layers if layer.marks)
    key, grid = next(iter(grids.items()))
    marked, shown = _extent(_Vertices.of(layer).points, layer.crs), _extent(grid.corners(), grid.crs)
    found = f"no mark lies on any image: {layer.place} has marks at {marked}, {key} shows {shown}"
    return DataInvalid(found, expected="images of the same place", fix="name the folder of the images with --images")


def _extent(points: Float[np.ndarray, "N 2"], crs: str) -> str:
    (bottom, left), (top, right) = points.min(0).tolist(), points.max(0).tolist()
    return f"x {left:.8g} to {right:.8g}, y {bottom:.8g} to {top:.8g} in {name_of(crs)}"
