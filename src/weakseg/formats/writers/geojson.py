"""GeoJSON of maps: a file an image, an area on the ground for each class, in the CRS of the image."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.formats.georeference import Grid, grid_of, urn_of
from weakseg.formats.writers.outlines import Ring, outlines
from weakseg.formats.writers.segmented import Segmented


def write_geojson(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """A file for each image, which programs of maps open beside it.

    Raises:
        DataInvalid: rasterio is not installed, or an image is no GeoTIFF in a CRS that has a number.
    """
    for image in images:
        grid = _grid(image)
        features = []
        for label, top, left, mask in image.masks():
            parts = [[_closed(ring + [top, left], grid) for ring in part] for part in outlines(mask)]
            features.append(
                {
                    "type": "Feature",
                    "properties": {"class": classes[label]},
                    "geometry": {"type": "MultiPolygon", "coordinates": parts},
                }
            )
        # Programs read coordinates without this member as longitude and latitude.
        crs = {"type": "name", "properties": {"name": urn_of(grid.crs)}}
        stem = PurePosixPath(image.name).stem
        content = {"type": "FeatureCollection", "name": stem, "crs": crs, "features": features}
        yield f"{stem}.geojson", json.dumps(content).encode()


def _grid(image: Segmented) -> Grid:
    grid = grid_of(image.file) if image.file is not None and _is_tiff(image.file) else None
    if grid is None:
        raise DataInvalid(f"{image.name} states no place on the ground", expected="GeoTIFFs", fix="use --format qupath")
    return grid


def _is_tiff(path: Path) -> bool:
    with open_regular(path) as file:
        return file.read(2) in (b"II", b"MM")


def _closed(ring: Ring, grid: Grid) -> list[list[float]]:
    """Corners as x, y, the first once more at the end."""
    corners = grid.to_ground(ring.astype(np.float64))[:, ::-1].tolist()
    return [*corners, corners[0]]
