"""Shapefiles."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from annotation_files import marks_of, read
from maps import SQUARE, shapefile

from weakseg.annotations.reading import read_annotations
from weakseg.errors import DataInvalid
from weakseg.formats.geo.shapefile import SHAPEFILE
from weakseg.marks.pixels import pixels_of

FOLDER = Path(mkdtemp())
shapefile(FOLDER / "a.shp", polygons=[[SQUARE]] * 2)
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
"""A small set of its files, for the contract test."""


def test_a_shapefile_without_prj_asks_for_its_crs(tmp_path):
    """Programs assume one; its name alone in the file is enough."""
    shapefile(tmp_path / "a.shp", polygons=[[SQUARE]], epsg=None)
    with pytest.raises(DataInvalid, match=r"a\.prj is missing") as caught:
        read(SHAPEFILE, tmp_path)
    assert "EPSG:32633" in caught.value.fix
    (tmp_path / "a.prj").write_text("EPSG:32633\n")
    assert [layer.crs for layer in read(SHAPEFILE, tmp_path).ground] == ["EPSG:32633"]


def test_rings_of_a_shapefile_are_holes_and_islands(tmp_path):
    """Nothing in the file says which."""
    outer, hole, island = (
        [[low, low], [low, high], [high, high], [high, low]] for low, high in ((0, 9), (2, 7), (4, 5))
    )
    shapefile(tmp_path / "a.shp", polygons=[[outer, hole[::-1], island]])
    (mark,) = marks_of(read(SHAPEFILE, tmp_path))
    inside = pixels_of(mark.shape, (10, 10))
    expected = np.zeros((10, 10), bool)
    expected[:9, :9], expected[2:7, 2:7], expected[4, 4] = True, False, True
    whole = np.zeros((10, 10), bool)
    inside.on(whole)[inside.inside] = True
    assert (whole == expected).all()


def test_lines_of_several_parts_are_lines(tmp_path):
    """Roads are digitised in pieces."""
    shapefile(tmp_path / "a.shp", lines=[[[[0, 0], [1, 1]], [[2, 2], [3, 3], [4, 4]]]])
    assert [mark.kind for mark in marks_of(read(SHAPEFILE, tmp_path))] == ["line", "line"]


def test_names_of_a_shapefile_have_the_encoding_that_it_states(tmp_path):
    """Older programs write code pages, with or without a .cpg."""
    shapefile(tmp_path / "a.shp", polygons=[[SQUARE]], classes=["Gebäude"], encoding="cp1252")
    with pytest.raises(DataInvalid, match="another encoding") as caught:
        read(SHAPEFILE, tmp_path)
    assert ".cpg" in caught.value.fix
    for stated in ("1252", "CP1252", "ANSI 1252"):
        (tmp_path / "a.cpg").write_text(stated)
        assert [mark.label for mark in marks_of(read(SHAPEFILE, tmp_path))] == ["Gebäude"]


def test_the_parts_of_a_shapefile_are_no_other_files(tmp_path):
    """They are not listed as unknown, whatever the case of their extensions."""
    shapefile(tmp_path / "a.shp", polygons=[[SQUARE]])
    (tmp_path / "a.dbf").rename(tmp_path / "a.DBF")
    annotations = read_annotations([tmp_path], lambda name: None)
    assert not annotations.ignored
    assert [mark.label for mark in marks_of(annotations)] == ["dog"]
