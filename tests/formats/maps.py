"""Images on the ground and layers of maps, for tests."""

import json
import sqlite3
import struct
import warnings

import numpy as np
import pytest

rasterio = pytest.importorskip("rasterio")
Affine, CRS = rasterio.Affine, rasterio.crs.CRS

UTM = 32633
"""A projection of WGS 84, in metres."""
NORTH_UP = Affine(0.5, 0, 500_000, 0, -0.5, 5_540_000)
"""Half a metre a pixel."""
SQUARE = [[1, 1], [1, 4], [5, 4], [5, 1], [1, 1]]
"""Pixels of the rows 1 to 3 and the columns 1 to 4, as x, y."""


def geotiff(path, affine=NORTH_UP, epsg=UTM, size=(8, 9), values=None, **options):
    """An image on the ground."""
    values = np.zeros((1, *size), np.uint8) if values is None else values
    kind = {"driver": "GTiff", "dtype": values.dtype, "count": len(values)}
    height, width = values.shape[1:]
    placed = {} if affine is None else {"transform": affine, "crs": None if epsg is None else CRS.from_epsg(epsg)}
    # rasterio warns of images that lie nowhere.
    with (
        warnings.catch_warnings(action="ignore"),
        rasterio.open(path, "w", **kind, height=height, width=width, **placed, **options) as file,
    ):
        file.write(values)
    return path


def on_ground(points, affine=NORTH_UP):
    """Points (x, y) in pixels as (x, y) on the ground."""
    a, b, c, d, e, f = tuple(affine)[:6]
    return [[a * x + b * y + c, d * x + e * y + f] for x, y in points]


def geojson(geometries, crs=f"urn:ogc:def:crs:EPSG::{UTM}", classes=None):
    """A layer as GeoJSON."""
    names = classes or ["dog"] * len(geometries)
    features = [
        {"type": "Feature", "properties": {"class": name}, "geometry": {"type": kind, "coordinates": coordinates}}
        for name, (kind, coordinates) in zip(names, geometries, strict=True)
    ]
    stated = {} if crs is None else {"crs": {"type": "name", "properties": {"name": crs}}}
    return json.dumps({"type": "FeatureCollection", **stated, "features": features})


def wkb(kind, coordinates, order="<"):
    """A geometry in well-known binary."""

    def points(pairs):
        return struct.pack(f"{order}I", len(pairs)) + b"".join(struct.pack(f"{order}2d", *pair) for pair in pairs)

    def head(code):
        return struct.pack(f"{order}BI", order == "<", code)

    if kind == "Point":
        return head(1) + struct.pack(f"{order}2d", *coordinates)
    if kind == "LineString":
        return head(2) + points(coordinates)
    if kind == "Polygon":
        return head(3) + struct.pack(f"{order}I", len(coordinates)) + b"".join(map(points, coordinates))
    parts = [wkb(kind.removeprefix("Multi"), part, order) for part in coordinates]
    code = {"MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6}[kind]
    return head(code) + struct.pack(f"{order}I", len(parts)) + b"".join(parts)


def geopackage(path, geometries, srs=UTM, organization="EPSG", definition="a CRS", classes=None):
    """A layer as GeoPackage."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA application_id = 0x47504b47")
        file.execute(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,"
            " organization_coordsys_id INTEGER, definition TEXT)"
        )
        file.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT, srs_id INTEGER)")
        file.execute("CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER)")
        file.execute("CREATE TABLE animals (fid INTEGER PRIMARY KEY, geom BLOB, class TEXT)")
        file.execute("INSERT INTO gpkg_spatial_ref_sys VALUES ('', ?, ?, ?, ?)", (srs, organization, srs, definition))
        file.execute("INSERT INTO gpkg_contents VALUES ('animals', 'features', ?)", (srs,))
        file.execute("INSERT INTO gpkg_geometry_columns VALUES ('animals', 'geom', ?)", (srs,))
        for name, geometry in zip(classes or ["dog"] * len(geometries), geometries, strict=True):
            # An envelope of four numbers lies between the head and the geometry.
            blob = b"GP\0\x03" + struct.pack("<i4d", srs, 0, 0, 0, 0) + wkb(*geometry)
            file.execute("INSERT INTO animals (geom, class) VALUES (?, ?)", (blob, name))
    file.close()
    return path


def shapefile(path, polygons=(), lines=(), epsg=UTM, classes=None, encoding="utf-8"):
    """A layer as shapefile, of polygons or of lines."""
    library = pytest.importorskip("shapefile")
    with library.Writer(str(path), encoding=encoding) as file:
        file.field("class", "C", size=40)
        for name, rings in zip(classes or ["dog"] * len(polygons or lines), polygons or lines, strict=True):
            (file.poly if polygons else file.line)(rings)
            file.record(name)
    if epsg is not None:
        path.with_suffix(".prj").write_text(CRS.from_epsg(epsg).to_wkt(version="WKT1_ESRI"))
    return path
