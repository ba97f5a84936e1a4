"""GeoPackage."""

import sqlite3
from pathlib import Path
from tempfile import mkdtemp

import pytest
from annotation_files import marks_of, read
from maps import SQUARE, geopackage

from weakseg.errors import DataInvalid
from weakseg.formats.geo.geopackage import GEOPACKAGE

POINT = ("Point", [15.0, 50.0])
FOLDER = Path(mkdtemp())
FILES = {"a.gpkg": geopackage(FOLDER / "a.gpkg", [("Polygon", [SQUARE])] * 2).read_bytes()}
"""A small set of its files, for the contract test."""


def test_a_geopackage_that_is_open_elsewhere_is_refused(tmp_path):
    """QGIS keeps the last changes in a log, which reading the file alone would miss."""
    geopackage(tmp_path / "a.gpkg", [POINT])
    (tmp_path / "a.gpkg-wal").write_bytes(b"changes")
    with pytest.raises(DataInvalid, match="are in .*-wal beside it"):
        read(GEOPACKAGE, tmp_path)


def test_reading_a_geopackage_leaves_its_folder_as_it_was(tmp_path):
    """Also one in the mode that keeps a log, which SQLite itself would create anew."""
    geopackage(tmp_path / "a.gpkg", [POINT])
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        file.execute("PRAGMA journal_mode = WAL")
    file.close()
    before = (tmp_path / "a.gpkg").read_bytes()
    assert before[18] == 2
    assert len(marks_of(read(GEOPACKAGE, tmp_path))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]
    assert (tmp_path / "a.gpkg").read_bytes() == before


def test_layers_without_a_crs_ask_for_one(tmp_path):
    """They have the numbers -1 and 0."""
    geopackage(tmp_path / "a.gpkg", [POINT], srs=-1, organization="NONE", definition="undefined")
    with pytest.raises(DataInvalid, match="layer animals states no coordinate reference system"):
        read(GEOPACKAGE, tmp_path)


def test_a_view_is_not_computed(tmp_path):
    """It may take any time."""
    geopackage(tmp_path / "a.gpkg", [POINT])
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        file.execute("ALTER TABLE animals RENAME TO hidden")
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, i AS geom FROM n"
        file.execute(f"CREATE VIEW animals AS {endless}")
    file.close()
    annotations = read(GEOPACKAGE, tmp_path)
    assert [each.reason for each in annotations.ignored] == ["it is computed, or has no geometries; save it as a layer"]


def test_a_column_is_not_computed(tmp_path):
    """One of a few bytes may make a text of any length, for every row."""
    geopackage(tmp_path / "a.gpkg", [POINT])
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        file.execute("ALTER TABLE animals ADD COLUMN big TEXT GENERATED ALWAYS AS (hex(zeroblob(10))) VIRTUAL")
    file.close()
    (ignored,) = read(GEOPACKAGE, tmp_path).ignored
    assert ignored.reason.startswith("it is computed")


def test_empty_and_strange_geometries_are_counted(tmp_path):
    """One reason each; the others are read."""
    geopackage(tmp_path / "a.gpkg", [POINT] * 5)
    with sqlite3.connect(tmp_path / "a.gpkg") as file:
        for fid, blob in enumerate((None, b"", b"GP\0\x11" + bytes(4), b"GP\0\x21" + bytes(40)), start=1):
            file.execute("UPDATE animals SET geom = ? WHERE fid = ?", (blob, fid))
    file.close()
    annotations = read(GEOPACKAGE, tmp_path)
    assert len(marks_of(annotations)) == 1
    assert sorted(each.reason for each in annotations.ignored) == [
        "it has an empty geometry",
        "it has no geometry",
        "its geometry is damaged",
        "its geometry is of an extension of GeoPackage",
    ]
