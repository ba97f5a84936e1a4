"""Grids of GeoTIFFs."""

import numpy as np
import pytest
from annotation_files import SAMPLES, needs_samples
from hypothesis import given
from hypothesis import strategies as st
from maps import NORTH_UP, geotiff, on_ground, rasterio

from weakseg.errors import DataInvalid
from weakseg.formats.georeference import Grid, crs_of, grid_of, name_of, reprojected, require_datum

NUMBER = st.floats(-5, 5).filter(lambda number: abs(number) > 0.1)


@given(a=NUMBER, b=NUMBER, d=NUMBER, e=NUMBER, c=st.floats(-1e6, 1e6), f=st.floats(-1e6, 1e6))
def test_pixels_and_ground_are_inverse(a, b, c, d, e, f):
    """For turned grids too, as rasterio has them."""
    if abs(a * e - b * d) < 1e-2:
        return
    grid = Grid("", (a, b, c, d, e, f), 5, 7)
    pixels = np.array([[0.5, 2.0], [4.0, -1.0], [0.0, 0.0]])
    ground = grid.to_ground(pixels)
    assert np.allclose(ground[:, ::-1], on_ground(pixels[:, ::-1].tolist(), (a, b, c, d, e, f)))
    assert np.allclose(grid.to_pixels(ground), pixels, atol=1e-5)


def test_a_geotiff_states_its_grid(tmp_path):
    """Also where its tags place the middle of the first pixel in place of its corner."""
    grid = grid_of(geotiff(tmp_path / "a.tif"))
    assert grid is not None
    assert grid.affine == tuple(NORTH_UP)[:6]
    assert (grid.height, grid.width, name_of(grid.crs)) == (8, 9, "EPSG:32633 (WGS 84 / UTM zone 33N)")

    geotiff(tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif", "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    same = grid_of(tmp_path / "b.tif")
    assert same is not None
    assert grid.is_same(same)


@needs_samples
def test_samples_of_rasterio_have_their_grids():
    """One is turned by thirty degrees."""
    grid = grid_of(SAMPLES / "geotiff" / "rotated.tif")
    assert grid is not None
    assert np.allclose(grid.affine, (20 * np.cos(np.pi / 6), 5, 100, 10, -10 * np.cos(np.pi / 6), 200))


def test_other_images_have_none(tmp_path):
    """And files that are no TIFFs are refused, whatever their name: GDAL would follow what is written in them."""
    geotiff(tmp_path / "plain.tif", affine=None)
    assert grid_of(tmp_path / "plain.tif") is None

    (tmp_path / "a.tif").write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path / 'plain.tif'}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(DataInvalid, match=r"a\.tif cannot be read"):
        grid_of(tmp_path / "a.tif")


def test_control_points_are_no_grid(tmp_path):
    """The message says how to make one of them."""
    points = [rasterio.control.GroundControlPoint(row, row, row * 2.0, row * 3.0) for row in range(4)]
    geotiff(tmp_path / "a.tif", affine=None, gcps=points, crs="EPSG:32633")
    with pytest.raises(DataInvalid, match="4 control points") as caught:
        grid_of(tmp_path / "a.tif")
    assert "gdalwarp" in caught.value.fix


@pytest.mark.parametrize(
    "name", ["EPSG:4326", "epsg:4326", "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84"]
)
def test_names_of_one_crs_mean_the_same(name):
    """x is longitude in files, whatever the order that the name stands for."""
    assert crs_of(name) == crs_of("EPSG:4326")


@pytest.mark.parametrize("name", ["", "EPSG:999999", "https://example.org/crs", "/etc/passwd", "UTM 33", "W" * 30_000])
def test_what_is_no_crs_is_refused(name):
    """Nothing is opened or fetched."""
    with pytest.raises(DataInvalid):
        crs_of(name)


def test_projections_of_one_datum_are_converted():
    """The middle of a zone of UTM lies at 500 km."""
    moved = reprojected(np.array([[50.0, 15.0]]), "EPSG:4326", "EPSG:32633")
    assert np.allclose(moved, [[5538630.7029, 500000.0]], atol=1e-3)


def test_datums_that_differ_are_refused_with_both():
    """They lie a metre or hundreds apart, and PROJ is silent where it does not know."""
    for target in ("EPSG:25832", "EPSG:26710"):
        with pytest.raises(DataInvalid, match=r"EPSG:4326 .* on an image in EPSG:2"):
            require_datum("EPSG:4326", target)
    require_datum("EPSG:4326", "EPSG:3857")


def test_where_a_projection_ends_is_an_error():
    """Not a number that is infinite."""
    with pytest.raises(DataInvalid, match="does not reach"):
        reprojected(np.array([[95.0, 15.0]]), "EPSG:4326", "EPSG:32633")


def test_same_grids_have_the_same_corners():
    """To a thousandth of a pixel, and the same CRS however it is written."""
    grid = Grid("EPSG:32633", (0.5, 0.0, 500_000.0, 0.0, -0.5, 5_540_000.0), 8, 9)
    written = Grid(crs_of("EPSG:32633").to_wkt(), (0.5, 0.0, 500_000.0001, 0.0, -0.5, 5_540_000.0), 8, 9)
    assert grid.is_same(written)
    for other in (
        Grid("EPSG:32634", grid.affine, 8, 9),
        Grid("", grid.affine, 8, 9),
        Grid(grid.crs, grid.affine, 8, 10),
        Grid(grid.crs, (0.5, 0.0, 500_000.01, 0.0, -0.5, 5_540_000.0), 8, 9),
    ):
        assert not grid.is_same(other)
    assert str(grid) == "9 by 8 pixels at (0.5, 0, 500000, 0, -0.5, 5540000) in EPSG:32633 (WGS 84 / UTM zone 33N)"
