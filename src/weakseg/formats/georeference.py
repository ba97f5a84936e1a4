"""Where the pixels of a GeoTIFF lie on the ground; the door to rasterio.

Points on the ground are (y, x) in the units of a coordinate reference system (CRS), as those of images are (row,
column) in edge coordinates.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from weakseg.errors import DataInvalid
from weakseg.formats.extras import needed

WGS84 = "EPSG:4326"
"""Longitude and latitude, which GeoJSON means where it states nothing else."""
_LONGEST_CRS = 20_000
"""Most letters of a CRS."""
_NAMED = re.compile(r"^(?:urn:(?:x-)?ogc:def:crs:)?(EPSG|ESRI|OGC):(?:[\d.]*:)?(CRS84|\d{1,9})$", re.IGNORECASE)
_SAME_GRID = 1e-3
"""How far corners of the same grid may lie apart, in pixels."""


@dataclass(frozen=True)
class Grid:
    """The place of an image's pixels on the ground."""

    crs: str
    """The CRS as WKT or as a name such as EPSG:32633; empty if the file states none."""
    affine: tuple[float, float, float, float, float, float]
    """x = a column + b row + c, and y = d column + e row + f."""
    height: int
    width: int

    @property
    def _matrix(self) -> Float[np.ndarray, "2 2"]:
        a, b, _, d, e, _ = self.affine
        return np.array([[e, d], [b, a]])

    @property
    def _origin(self) -> Float[np.ndarray, "2"]:
        return np.array([self.affine[5], self.affine[2]])

    def to_pixels(self, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        """Points (y, x) of the ground as (row, column)."""
        # The origin is taken off first: coordinates of maps are millions of metres, and their differences would lose
        # digits in a product.
        return (points - self._origin) @ np.linalg.inv(self._matrix).T

    def to_ground(self, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        """Points (row, column) as (y, x) on the ground."""
        return points @ self._matrix.T + self._origin

    def corners(self) -> Float[np.ndarray, "4 2"]:
        """The corners (y, x) of the image on the ground."""
        unit = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)])
        return self.to_ground(unit * [self.height, self.width])

    def is_same(self, other: "Grid") -> bool:
        """Whether the pixels of another grid are these."""
        if (self.height, self.width) != (other.height, other.width):
            return False
        # In pixels and not in units of the ground: a thousandth of a degree is a hundred metres.
        apart = np.abs(self.to_pixels(other.corners()) - self.to_pixels(self.corners())).max()
        same = self.crs == other.crs or bool(self.crs and other.crs and crs_of(self.crs) == crs_of(other.crs))
        return same and bool(apart <= _SAME_GRID)

    def __str__(self) -> str:
        numbers = ", ".join(f"{number:.10g}" for number in self.affine)
        return f"{self.width} by {self.height} pixels at ({numbers}) in {name_of(self.crs) if self.crs else 'no CRS'}"


def grid_of(path: Path | bytes, place: str = "") -> Grid | None:
    """The grid of a GeoTIFF; `None` if a file states no place on the ground.

    Args:
        path: the file, or its contents.
        place: its name in messages, if its contents are given.

    Raises:
        DataInvalid: rasterio is not installed, or the file is damaged or placed by control points alone.
    """
    place = place or str(path)
    rasterio = needed("rasterio", "geo", f"{place}, an image on the ground,")
    opened = BytesIO(path) if isinstance(path, bytes) else path
    try:
        # Any other driver of GDAL might follow what is written in the file to other files and to the network.
        with warnings.catch_warnings(action="ignore"), rasterio.open(opened, driver="GTiff") as file:
            crs, affine, points = file.crs, file.transform, file.gcps[0]
            height, width = file.shape
    except Exception as error:  # damaged files make rasterio raise errors of many kinds
        raise DataInvalid(f"{place} cannot be read as a GeoTIFF: {error}", fix="export it again") from error
    # rasterio's answer for files without a place on the ground.
    if affine.is_identity:
        if points:
            found = f"{place} is placed by {len(points)} control points"
            raise DataInvalid(found, expected="an affine grid", fix="warp it first: gdalwarp in.tif out.tif")
        return None
    if affine.is_degenerate or not np.isfinite(affine).all():
        raise DataInvalid(f"{place} has a grid without area: {tuple(affine)[:6]}", fix="export it again")
    numbers = (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f)
    return Grid(crs.to_wkt() if crs else "", numbers, height, width)


def crs_of(text: str) -> Any:
    """The CRS that a text means: WKT, or a name such as EPSG:32633.

    Raises:
        DataInvalid: it means none, or rasterio is not installed.
    """
    rasterio = needed("rasterio", "geo", "coordinates on the ground")
    plain = text.strip().removeprefix("\ufeff")
    if len(plain) > _LONGEST_CRS:
        raise DataInvalid(f"a coordinate reference system of {len(plain):,} letters")
    named = _NAMED.match(plain)
    try:
        # Within an Env, GDAL's own messages are not printed.
        with rasterio.Env():
            if named and named[2].upper() == "CRS84":
                # x is longitude in files of both names.
                return rasterio.CRS.from_user_input(WGS84)
            if named:
                return rasterio.CRS.from_authority(named[1].upper(), int(named[2]))
            return rasterio.CRS.from_wkt(plain)
    except Exception as error:  # CRSError, and errors of PROJ
        raise DataInvalid(
            f"the coordinate reference system {plain[:60]!r} is unknown",
            expected="a name such as EPSG:32633, or WKT",
            fix="export the layer in a CRS that has an EPSG code",
        ) from error


def name_of(crs: str) -> str:
    """A short name of a CRS."""
    found = crs_of(crs)
    authority = found.to_authority()
    inside = re.match(r'\w+\["([^"]*)"', found.to_wkt())
    name = inside[1] if inside else "a CRS without a name"
    return f"{':'.join(authority)} ({name})" if authority else name


def urn_of(crs: str) -> str:
    """The name of a CRS as GeoJSON writes it.

    Raises:
        DataInvalid: it has no number.
    """
    authority = crs_of(crs).to_authority() if crs else None
    if authority is None:
        found = f"{name_of(crs)} has no EPSG code" if crs else "an image without a coordinate reference system"
        raise DataInvalid(found, expected="a CRS that has a number", fix="gdalwarp -t_srs EPSG:32633 in.tif out.tif")
    return f"urn:ogc:def:crs:{authority[0]}::{authority[1]}"


def require_datum(source: str, target: str) -> None:
    """Raise `DataInvalid` if two CRSs are of different datums, and print both.

    Between projections of one datum coordinates are converted exactly. Between datums they are off by up to hundreds of
    metres where the table of their differences is not installed, and nothing says so.
    """
    one, other = crs_of(source), crs_of(target)
    if one != other and _datum(one) != _datum(other):
        raise DataInvalid(
            f"marks in {name_of(source)} on an image in {name_of(target)}: their datums differ",
            expected="one datum",
            fix="bring the marks to the CRS of the image first: ogr2ogr -t_srs CRS out.gpkg in.gpkg",
        )


def reprojected(points: Float[np.ndarray, "N 2"], source: str, target: str) -> Float[np.ndarray, "N 2"]:
    """Points (y, x) in another CRS of the same datum.

    Raises:
        DataInvalid: the projection does not reach a point.
    """
    one, other = crs_of(source), crs_of(target)
    if one == other or not len(points):
        return points
    warp = needed("rasterio.warp", "geo", "coordinates on the ground")
    try:
        xs, ys = warp.transform(one, other, points[:, 1].tolist(), points[:, 0].tolist())
        moved = np.stack([ys, xs], axis=1)
    except Exception as error:  # errors of PROJ, which are of no public class
        raise DataInvalid(f"a coordinate that {name_of(target)} does not reach") from error
    if not np.isfinite(moved).all():
        raise DataInvalid(f"a coordinate that {name_of(target)} does not reach")
    return moved


def _datum(crs: Any) -> str:
    """The name of a datum; of a CRS that is not of the earth, all that there is of it."""
    table: Mapping[str, Any] = crs.to_dict(projjson=True)
    for within in ("components", "source_crs", "base_crs"):
        inner = table.get(within, table)
        table = inner[0] if isinstance(inner, list) else inner
    datum = table.get("datum") or table.get("datum_ensemble") or {}
    return str(datum.get("name", crs.to_wkt())).removesuffix(" ensemble")
