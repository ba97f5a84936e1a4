"""GeoJSON of maps, written and read."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from maps import NORTH_UP, Affine, geotiff

from weakseg.annotations.matched import matched
from weakseg.annotations.writing import WRITERS
from weakseg.errors import DataInvalid
from weakseg.formats.writers.segmented import Segmented
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

CLASSES = ("sky", "dog 2", 'cat "x" <&>/')
TURNED = Affine(0.4, 0.3, 500_000, 0.3, -0.4, 5_540_000)


def written(file, labels, classes=CLASSES):
    """The name and content of the file for an image."""
    ((name, content),) = WRITERS["geojson"]([Segmented(file.name, labels, file=Path(file))], classes)
    return name, content


@pytest.mark.parametrize("affine", [NORTH_UP, TURNED], ids=["north up", "turned"])
@pytest.mark.parametrize("epsg", [32633, 4326])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 9)), elements=st.integers(UNLABELED, 2)))
def test_every_pixel_comes_back(tmp_path, affine, epsg, labels):
    """By way of the ground, in metres and in degrees."""
    if (labels == UNLABELED).all():
        return
    if epsg == 4326:
        affine = Affine.translation(15, 50) @ Affine.scale(1e-6) @ Affine(affine.a, affine.b, 0, affine.d, affine.e, 0)
    file = geotiff(tmp_path / "a b.tif", affine, epsg, labels.shape)
    name, content = written(file, labels)
    (tmp_path / name).write_bytes(content)
    found = matched([tmp_path / name], {"a b": file})
    assert not found.annotations.ignored
    read = labels_of(found.images["a b"], labels.shape, len(CLASSES), CLASSES.index, Uses())
    assert (read.seeds == labels).all()


def test_a_file_states_its_crs(tmp_path):
    """Which programs of maps would otherwise take for longitude and latitude."""
    name, content = written(geotiff(tmp_path / "a.tif"), np.zeros((8, 9), int))
    told = json.loads(content)
    assert name == "a.geojson"
    assert told["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    (ring,) = told["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert {tuple(corner) for corner in ring} == {(x, y) for x in (500_000, 500_004.5) for y in (5_540_000, 5_539_996)}


def test_images_without_a_place_are_refused(tmp_path):
    """And those in a CRS that GeoJSON has no name for."""
    labels = np.zeros((8, 9), int)
    with pytest.raises(DataInvalid, match="states no place on the ground"):
        written(geotiff(tmp_path / "a.tif", affine=None), labels)
    with pytest.raises(DataInvalid, match="without a coordinate reference system"):
        written(geotiff(tmp_path / "b.tif", epsg=None), labels)
