"""TIFFs by windows hold the pixels that they hold as a whole."""

import numpy as np
import pytest
import tifffile
from rasters import UTM, scene, write

from weakseg.data.images.stored import IMAGE, read_tiff
from weakseg.data.rasters.open import opened_raster
from weakseg.data.rasters.raster import Window
from weakseg.errors import DataInvalid

IMAGE_OF = scene(150, 211)
WINDOWS = (Window(0, 0, 150, 211), Window(33, 41, 70, 90), Window(149, 210, 1, 1), Window(0, 100, 150, 1))
LAYOUTS = {
    "tiles": {"tile": (32, 48), "compression": "zlib"},
    "big": {"tile": (64, 64), "bigtiff": True, "predictor": True, "compression": "zlib"},
    "strips": {"rowsperstrip": 7, "compression": "zlib"},
    "one strip": {},
    "rows": {"rowsperstrip": 7, "byteorder": ">"},
    "lzw": {"tile": (64, 64), "compression": "lzw"},
}


def read(path, window):
    """A window, and the number of levels."""
    with opened_raster(path) as raster:
        assert raster is not None
        return raster.read(window)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("how", LAYOUTS.values(), ids=LAYOUTS)
def test_windows_of_every_layout_are_those_of_the_whole(tmp_path, how, dtype):
    """Whatever the tiles or strips, the byte order and the type."""
    values = IMAGE_OF.astype(dtype)
    path = write(tmp_path / "a.tif", values, **how)
    for top, left, height, width in WINDOWS:
        found = read(path, Window(top, left, height, width))
        assert found.values.dtype == dtype
        assert found.opacity is None
        assert (found.values == values[top : top + height, left : left + width]).all()


@pytest.mark.parametrize("tiled", [{"tile": (32, 48)}, {}], ids=["tiles", "strips"])
def test_channels_that_lie_apart_come_together(tmp_path, tiled):
    """Planar samples, of which thirteen are as good as three."""
    values = scene(90, 101, 13)
    path = write(tmp_path / "a.tif", np.moveaxis(values, 2, 0), planarconfig="separate", **tiled, photometric=1)
    assert (read(path, Window(5, 7, 60, 80)).values == values[5:65, 7:87]).all()


def test_transparency_is_no_channel(tmp_path):
    """As in a file that is read whole."""
    values = scene(60, 70, 4)
    path = write(tmp_path / "a.tif", values, tile=(32, 32), extrasamples=["unassalpha"])
    whole, _, opacity = read_tiff(path, IMAGE)
    found = read(path, Window(0, 0, 60, 70))
    assert (found.values == whole).all()
    assert opacity is not None
    assert found.opacity is not None
    assert (found.opacity == opacity).all()


def test_white_may_be_zero(tmp_path):
    """As Pillow reads it."""
    grey = scene(60, 70, 1)[:, :, 0]
    path = write(tmp_path / "a.tif", grey, tile=(32, 32), photometric="miniswhite")
    assert (read(path, Window(0, 0, 60, 70)).values[:, :, 0] == 255 - grey).all()


@pytest.mark.parametrize("sub", [True, False])
def test_smaller_copies_are_levels(tmp_path, sub):
    """Of GDAL's kind, one page after another, and of OME's, below the first page."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for level in range(3):
            how = {"subifds": 2 if sub and not level else 0, "subfiletype": 1 if level else 0}
            file.write(IMAGE_OF[:: 2**level, :: 2**level], tile=(32, 32), photometric="rgb", metadata=None, **how)
    with opened_raster(path) as raster:
        assert raster is not None
        assert raster.levels == ((150, 211), (75, 106), (38, 53))
        for level in range(3):
            found = raster.read(Window(3, 5, 20, 30), level).values
            assert (found == IMAGE_OF[:: 2**level, :: 2**level][3:23, 5:35]).all()


def test_levels_that_disagree_are_refused(tmp_path):
    """A copy of another shape would show another place."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(IMAGE_OF, tile=(32, 32), photometric="rgb", subifds=1, metadata=None)
        file.write(IMAGE_OF[:50, ::2], tile=(32, 32), photometric="rgb", subfiletype=1, metadata=None)
    with pytest.raises(DataInvalid, match="level 1 has 106 x 50"), opened_raster(path):
        pass


def test_a_file_that_was_cut_short_is_told_at_once(tmp_path):
    """Before hours of windows, and with how many tiles are missing."""
    path = write(tmp_path / "a.tif", IMAGE_OF, tile=(32, 48), compression="zlib")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataInvalid, match=r"a\.tif"), opened_raster(path):
        pass
    raw = write(tmp_path / "b.tif", IMAGE_OF)
    raw.write_bytes(raw.read_bytes()[:-1])
    with pytest.raises(DataInvalid, match="1 of 1 tiles or strips lie behind its end"), opened_raster(raw):
        pass


def test_a_tile_that_cannot_be_decoded_is_named(tmp_path):
    """The others can be read."""
    path = write(tmp_path / "a.tif", IMAGE_OF, tile=(32, 48), compression="zlib")
    with tifffile.TiffFile(path) as file:
        at = file.pages[0].dataoffsets[6]
    content = bytearray(path.read_bytes())
    content[at : at + 20] = bytes(20)
    path.write_bytes(content)
    with opened_raster(path) as raster:
        assert raster is not None
        assert (raster.read(Window(0, 0, 32, 48)).values == IMAGE_OF[:32, :48]).all()
        with pytest.raises(DataInvalid, match=r"tile 6 of level 0 \(row 1, column 1\) cannot be decoded"):
            raster.read(Window(30, 40, 20, 20))


def test_a_place_in_the_world_is_that_of_the_tags(tmp_path):
    """With and without a coordinate system, and none at all."""
    placed = write(tmp_path / "a.tif", IMAGE_OF, tile=(32, 32), extratags=UTM)
    lost = write(tmp_path / "b.tif", IMAGE_OF, tile=(32, 32), extratags=UTM[:2])
    plain = write(tmp_path / "c.tif", IMAGE_OF, tile=(32, 32))
    for path, is_placed, has_system in ((placed, True, True), (lost, True, False), (plain, False, False)):
        with opened_raster(path) as raster:
            assert raster is not None
            assert (raster.grid.is_placed, raster.grid.has_system) == (is_placed, has_system)


def test_what_is_decoded_as_a_whole_has_no_windows(tmp_path):
    """Rotated photos, palettes and several images; a PNG."""
    turned = write(tmp_path / "a.tif", IMAGE_OF, extratags=[(274, 3, 1, 6, True)])
    colours = write(tmp_path / "b.tif", IMAGE_OF[:, :, 0], photometric="palette", colormap=np.zeros((3, 256), "u2"))
    several = write(tmp_path / "c.tif", np.stack([IMAGE_OF[:, :, 0]] * 2), photometric="minisblack")
    (tmp_path / "d.png").write_bytes(b"\x89PNG")
    for path in (turned, colours, several, tmp_path / "d.png"):
        with opened_raster(path) as raster:
            assert raster is None


def test_strips_that_were_never_written_have_no_data(tmp_path):
    """GDAL leaves them out; they must not be read from where the file begins."""
    import rasterio

    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) | 1
    path, whole = tmp_path / "sparse.tif", np.zeros_like(pixels)
    shape = {"height": 64, "width": 64, "count": 1, "dtype": "uint8", "blockysize": 8, "SPARSE_OK": "TRUE"}
    with rasterio.open(path, "w", driver="GTiff", transform=rasterio.Affine(1, 0, 5, 0, -1, 9), **shape) as file:
        file.write(pixels[16:24], 1, window=((16, 24), (0, 64)))
    whole[16:24] = pixels[16:24]
    with opened_raster(path) as raster:
        assert raster is not None
        found = raster.read(Window(0, 0, 64, 64)).values[:, :, 0]
    np.testing.assert_array_equal(found, whole)
