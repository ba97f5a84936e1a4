"""Marks on the ground, and the images that show it."""

from contextlib import suppress

import numpy as np
import pytest
from annotation_files import SAMPLES, needs_samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maps import NORTH_UP, SQUARE, geojson, geopackage, geotiff, on_ground, shapefile
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.warp import transform

from weakseg.annotations.matched import matched
from weakseg.errors import DataInvalid
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import vertices_of

TURNED = Affine(0.4, 0.3, 500_000, 0.3, -0.4, 5_540_000)
"""A grid that is turned."""


def pixels(mark, size=(8, 9)):
    """The pixels of a mark."""
    patch, whole = pixels_of(mark.shape, size), np.zeros(size, bool)
    patch.on(whole)[patch.inside] = True
    return whole


@pytest.mark.parametrize("affine", [NORTH_UP, TURNED], ids=["north up", "turned"])
@pytest.mark.parametrize("kind", ["geojson", "gpkg", "shp"])
def test_a_square_on_the_ground_is_a_square_of_the_image(tmp_path, affine, kind):
    """In every format, and for turned grids."""
    image = geotiff(tmp_path / "a.tif", affine)
    ring, path = on_ground(SQUARE, affine), tmp_path / f"marks.{kind}"
    if kind == "shp":
        shapefile(path, polygons=[[ring]])
    elif kind == "gpkg":
        geopackage(path, [("Polygon", [ring])])
    else:
        path.write_text(geojson([("Polygon", [ring])]))
    (mark,) = matched([path], {"a": image}).images["a"].marks

    expected = np.zeros((8, 9), bool)
    expected[1:4, 1:5] = True
    assert (pixels(mark) == expected).all()
    assert mark.label == "dog"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    affine=st.sampled_from([NORTH_UP, TURNED]),
    points=st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=3, max_size=6),
)
def test_areas_are_those_that_gdal_burns(tmp_path, affine, points):
    """Whatever of a polygon lies on the image."""
    image, ring = geotiff(tmp_path / "a.tif", affine), on_ground(points, affine)
    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [ring])]))
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    expected = rasterize([geometry], (8, 9), transform=affine).astype(bool)
    # A mark on no image at all is an error.
    inside = np.zeros((8, 9), bool)
    with suppress(DataInvalid):
        inside = pixels(matched([tmp_path / "a.geojson"], {"a": image}).images["a"].marks[0])
    # Edges that cross the middle of a pixel belong to either side.
    assert (inside != expected).sum() <= 1


def test_longitudes_and_latitudes_are_brought_to_the_grid(tmp_path):
    """GeoJSON that states no crs means WGS 84; the account says what was done."""
    image = geotiff(tmp_path / "a.tif")
    xs, ys = transform("EPSG:32633", "EPSG:4326", *zip(*on_ground(SQUARE), strict=True))
    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [list(zip(xs, ys, strict=True))])], crs=None))
    found = matched([tmp_path / "a.geojson"], {"a": image})

    assert np.allclose(vertices_of(found.images["a"].marks[0].shape)[:, ::-1], SQUARE, atol=1e-6)
    assert any("from EPSG:4326" in note and "to EPSG:32633" in note for note in found.annotations.notes)


def test_another_datum_is_refused_with_both(tmp_path):
    """ETRS89 and WGS 84 are not the same ground to a pixel."""
    image = geotiff(tmp_path / "a.tif")
    geopackage(tmp_path / "a.gpkg", [("Polygon", [on_ground(SQUARE)])], srs=25833)
    with pytest.raises(DataInvalid, match="EPSG:25833.*EPSG:32633") as caught:
        matched([tmp_path / "a.gpkg"], {"a": image})
    assert "ogr2ogr" in caught.value.fix


def test_a_mark_belongs_to_every_image_that_shows_it(tmp_path):
    """Tiles of a mosaic; what lies on none is counted."""
    images = {
        "west": geotiff(tmp_path / "west.tif"),
        "east": geotiff(tmp_path / "east.tif", NORTH_UP @ Affine.translation(9, 0)),
    }
    across, beyond = [[7, 2], [12, 2], [12, 5], [7, 5]], [[90, 2], [95, 2], [95, 5]]
    near = [[-3, -3], [4, -3], [-3, 4]]  # its box reaches the image, the triangle does not
    shapes = [("Polygon", [on_ground(ring)]) for ring in (across, beyond, near)]
    (tmp_path / "a.geojson").write_text(geojson([*shapes, ("Point", on_ground([(10.5, 3.5)])[0])]))
    found = matched([tmp_path / "a.geojson"], images)

    assert pixels(found.images["west"].marks[0])[2:5, 7:].all()
    assert pixels(found.images["east"].marks[0])[2:5, :3].all()
    assert [mark.kind for mark in found.images["east"].marks] == ["polygon", "point"]
    assert len(found.images["west"].marks) == 1
    assert [each.reason for each in found.annotations.ignored] == ["it lies on no image"] * 2


def test_images_without_a_place_are_refused(tmp_path):
    """All reasons at once, each with what to do."""
    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [on_ground(SQUARE)])]))
    plain = geotiff(tmp_path / "plain.tif", affine=None)
    with pytest.raises(DataInvalid, match="none of the 1 images states where it lies"):
        matched([tmp_path / "a.geojson"], {"plain": plain})

    bare = geotiff(tmp_path / "bare.tif", epsg=None)
    with pytest.raises(DataInvalid, match=r"bare\.tif states no coordinate reference system"):
        matched([tmp_path / "a.geojson"], {"bare": bare, "whole": geotiff(tmp_path / "whole.tif")})


def test_a_place_elsewhere_is_an_error_with_both_places(tmp_path):
    """The usual mistake is the wrong folder of images."""
    image = geotiff(tmp_path / "a.tif", Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000))
    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [on_ground(SQUARE)])]))
    with pytest.raises(DataInvalid, match=r"marks at x 500000\.5 to .*shows x 400000 to 400004\.5"):
        matched([tmp_path / "a.geojson"], {"a": image})


def test_a_turned_photo_on_the_ground_is_refused(tmp_path):
    """Its tags would turn the image and not its grid."""
    import tifffile

    image = geotiff(tmp_path / "a.tif")
    photo = tmp_path / "photo.tif"
    with tifffile.TiffFile(image) as file:
        tags = [(t.code, t.dtype, t.count, t.value, True) for t in file.pages[0].tags if t.code > 33000]
    tifffile.imwrite(photo, np.zeros((8, 9), np.uint8), extratags=[(274, 3, 1, 6, True), *tags])
    (tmp_path / "a.geojson").write_text(geojson([("Polygon", [on_ground(SQUARE)])]))
    with pytest.raises(DataInvalid, match="EXIF orientation"):
        matched([tmp_path / "a.geojson"], {"photo": photo})


def test_marks_beyond_a_projection_are_counted_one_by_one(tmp_path):
    """The others keep their place."""
    image = geotiff(tmp_path / "a.tif")
    xs, ys = transform("EPSG:32633", "EPSG:4326", *zip(*on_ground(SQUARE), strict=True))
    shapes = [("Point", [15, 95]), ("Polygon", [list(zip(xs, ys, strict=True))])]
    (tmp_path / "a.geojson").write_text(geojson(shapes, crs=None))
    found = matched([tmp_path / "a.geojson"], {"a": image})

    assert [mark.kind for mark in found.images["a"].marks] == ["polygon"]
    assert len(found.annotations.ignored) == 1


@needs_samples
def test_samples_of_rasterio_open_or_say_why(tmp_path):
    """box.shp comes without .prj; the lines are far from the image."""
    image = {"rgb": SAMPLES / "geotiff" / "rgb-byte-tenth.tif"}
    with pytest.raises(DataInvalid, match=r"box\.prj is missing"):
        matched([SAMPLES / "geotiff" / "box.shp"], image)
    with pytest.raises(DataInvalid, match="their datums differ"):
        matched([SAMPLES / "geotiff" / "issue1446.geojson"], image)
