"""GeoJSON of maps."""

import json

import pytest
from annotation_files import marks_of, read
from maps import SQUARE, geojson

from weakseg.errors import DataInvalid
from weakseg.formats.geo.geojson import GEOJSON
from weakseg.formats.science.qupath import QUPATH

POINT = ("Point", [15.0, 50.0])
FILES = {"a.json": geojson([("Polygon", [SQUARE])] * 2)}
"""A small set of its files, for the contract test."""


def attributes(folder, rows):
    """GeoJSON whose features have these attributes."""
    geometry = {"type": "Point", "coordinates": [15, 50]}
    features = [{"type": "Feature", "properties": row, "geometry": geometry} for row in rows]
    (folder / "land.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return read(GEOJSON, folder)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        ([{"fid": 1, "Class": "dog", "note": "big"}], ["dog"]),
        ([{"id": "x7", "surface": "grass"}], ["grass"]),
        ([{"DN": 3}, {"DN": 4.0}], ["3", "4"]),
        ([{"gridcode": 2, "Shape_Area": 3.5, "Id": 0}], ["2"]),
        ([{"fid": 1}, {}], ["land", "land"]),
        ([{"class": "dog"}, {"class": None}, {"class": " "}], ["dog"]),
    ],
)
def test_classes_are_an_attribute_or_the_layer(tmp_path, rows, labels):
    """By its name, or the only text; GDAL and ArcGIS number areas; people have a layer a class."""
    annotations = attributes(tmp_path, rows)
    assert [mark.label for mark in marks_of(annotations)] == labels
    assert len(annotations.notes) == 1
    assert len(annotations.ignored) == len(rows) - len(labels)


def test_attributes_that_may_all_be_the_class_are_asked_for(tmp_path):
    """Rather than one of them taken."""
    with pytest.raises(DataInvalid, match="surface, owner") as caught:
        attributes(tmp_path, [{"surface": "grass", "owner": "city"}])
    assert "rename" in caught.value.fix


def test_geojson_without_crs_is_in_degrees(tmp_path):
    """Metres without a CRS are refused, because they could be of any zone."""
    (tmp_path / "a.geojson").write_text(geojson([POINT], crs=None))
    assert read(GEOJSON, tmp_path).ground[0].crs == "EPSG:4326"

    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [[[500_000, 5_500_000]] * 4])], crs=None))
    with pytest.raises(DataInvalid, match="coordinates up to 5,500,000 and states no crs"):
        read(GEOJSON, tmp_path)


@pytest.mark.parametrize("crs", [None, {}, {"type": "link", "properties": {"href": "https://x.org"}}, "EPSG:4326", 7])
def test_a_crs_without_a_name_is_refused(tmp_path, crs):
    """It says that there is none that the standard knows; a link is not followed."""
    content = json.loads(geojson([POINT], crs=None)) | {"crs": crs}
    (tmp_path / "a.geojson").write_text(json.dumps(content))
    with pytest.raises(DataInvalid, match="its crs is"):
        read(GEOJSON, tmp_path)


def test_a_classification_of_land_is_not_qupath_s(tmp_path):
    """QuPath's is a table."""
    features = [{"type": "Feature", "properties": {"classification": "forest"}, "geometry": None}]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert not read(QUPATH, tmp_path).images
    assert [each.reason for each in read(GEOJSON, tmp_path).ignored] == ["it has no geometry"]
