"""Large images are predicted by windows: whole and by parts agree, places stay, and a killed one goes on."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from finished_run import Threshold
from rasters import UTM, scene, write
from torch import nn

from weakseg.data.images.image_file import read_image
from weakseg.data.images.stored import Reading
from weakseg.data.rasters.open import opened_raster
from weakseg.data.rasters.raster import Window
from weakseg.errors import DataInvalid, WriteRefused
from weakseg.evaluation.files.predict_files import predict_files
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes

CLASSES = Classes(("dark", "bright"))


class Blurred(nn.Module):
    """Brightness, averaged over a square of 25 pixels in two steps of stride 2 and 4."""

    stride = 4

    def forward(self, image):
        """Logits in cells of four pixels."""
        grey = image.mean(1, keepdim=True)
        cells = nn.functional.avg_pool2d(nn.functional.avg_pool2d(grey, 13, 2, 6), 3, 2, 1)
        return torch.cat([-(cells - 0.47) * 40, (cells - 0.47) * 40], 1)


PREDICTOR = Predictor(Blurred(), CLASSES, 3, tile_px=256)


def predicted(path, out, predictor=PREDICTOR, **how):
    """The mask's values."""
    [mask] = predict_files(predictor, [path], out, **how)
    assert mask == out / f"{path.stem}.tif"
    with tifffile.TiffFile(mask) as file:
        return file.pages[0].asarray()


def placed(folder, values, **how):
    """A GeoTIFF."""
    return write(folder / "a.tif", values, tile=(128, 128), compression="zlib", extratags=UTM, **how)


@pytest.mark.parametrize("size", [(500, 700), (257, 1025), (641, 300), (33, 2500)])
def test_whole_and_by_windows_agree(tmp_path, size):
    """The share of pixels that differ is at most one in ten thousand; here the halo holds what the network sees."""
    values = scene(*size)
    path = placed(tmp_path, values)
    whole = replace(PREDICTOR, tile_px=4096).labels(path)
    found = predicted(path, tmp_path / "out")
    assert found.shape == size
    assert (found != whole).mean() <= 1e-4
    assert 0.1 < whole.mean() < 0.9


def test_one_window_gives_the_same_as_ever(tmp_path):
    """An image that one tile covers."""
    path = placed(tmp_path, scene(200, 300))
    assert (predicted(path, tmp_path / "out") == PREDICTOR.labels(path)).all()


def test_the_place_stays_to_the_bit_and_copies_are_written(tmp_path):
    """All tags of the place, the resolution, and smaller masks whose pixels are every second one."""
    path = placed(tmp_path, scene(1200, 900), resolution=(254, 127), resolutionunit=3)
    predicted(path, tmp_path / "out")
    with tifffile.TiffFile(path) as image, tifffile.TiffFile(tmp_path / "out" / "a.tif") as mask:
        for code in (*(tag[0] for tag in UTM), 282, 283, 296):
            one, other = image.pages[0].tags[code], mask.pages[0].tags[code]
            assert (one.dtype, one.count, one.value) == (other.dtype, other.count, other.value)
        levels = [page.asarray() for page in mask.pages]
        assert [page.subfiletype for page in mask.pages] == [0, 1, 1]
        assert mask.pages[0].tags[42113].value == "255"
        for fine, coarse in zip(levels, levels[1:], strict=False):
            assert (coarse == fine[::2, ::2]).all()


def test_gdal_sees_the_same_place(tmp_path):
    """The coordinate system, the transform and overviews."""
    rasterio = pytest.importorskip("rasterio")
    path = placed(tmp_path, scene(1200, 900))
    found = predicted(path, tmp_path / "out")
    with rasterio.open(path) as image, rasterio.open(tmp_path / "out" / "a.tif") as mask:
        assert image.crs == mask.crs
        assert mask.crs.to_epsg() == 32633
        assert image.transform == mask.transform
        assert mask.overviews(1) == [2, 4]
        assert mask.nodata == 255
        assert mask.colormap(1)[1] == (128, 0, 0, 255)
        assert (mask.read(1) == found).all()


def test_a_mosaic_of_files_is_one_image(tmp_path):
    """A VRT, whose mask has its place."""
    rasterio = pytest.importorskip("rasterio")
    values = scene(300, 400)
    path = placed(tmp_path, values)
    vrt = tmp_path / "b.vrt"
    with rasterio.open(path) as image, rasterio.vrt.WarpedVRT(image, crs="EPSG:32633") as warped:
        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{i}"><SimpleSource><SourceFilename relativeToVRT="1">a.tif'
            f"</SourceFilename><SourceBand>{i}</SourceBand></SimpleSource></VRTRasterBand>"
            for i in (1, 2, 3)
        )
        place = ", ".join(map(str, image.transform.to_gdal()))
        vrt.write_text(
            f'<VRTDataset rasterXSize="400" rasterYSize="300"><SRS>{warped.crs.to_wkt()}</SRS>'
            f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
        )
    found = predicted(vrt, tmp_path / "out")
    assert (found == predicted(path, tmp_path / "other")).all()
    with rasterio.open(path) as image, rasterio.open(tmp_path / "out" / "b.tif") as mask:
        assert (image.crs.to_epsg(), image.transform) == (mask.crs.to_epsg(), mask.transform)


def test_a_place_without_a_system_is_told(tmp_path):
    """The mask is as good as the image."""
    told = []
    path = write(tmp_path / "a.tif", scene(60, 70), tile=(32, 32), extratags=UTM[:2])
    predict_files(PREDICTOR, [path], tmp_path / "out", warn=told.append)
    assert ["no coordinate system" in each for each in told] == [True]


def test_windows_without_data_are_left_out(tmp_path):
    """By the number that the file declares; masks are void there, and the network is not asked."""
    values = scene(600, 800)
    values[:, :450] = 0
    asked = []

    class Counting(Blurred):
        def forward(self, image):
            asked.append(image.shape)
            return super().forward(image)

    path = write(tmp_path / "a.tif", values, tile=(128, 128), extratags=[*UTM, (42113, 2, 0, "0", True)])
    found = predicted(path, tmp_path / "out", replace(PREDICTOR, network=Counting()))
    empty = (values == 0).all(axis=2)
    assert ((found == 255) == empty).all()
    full = len(asked)
    asked.clear()
    values[:, :450] = 1
    full_path = write(tmp_path / "b.tif", values, tile=(128, 128), extratags=UTM)
    predicted(full_path, tmp_path / "out", replace(PREDICTOR, network=Counting()))
    assert full < len(asked) - 3


def test_a_bad_tile_keeps_what_is_finished(tmp_path):
    """The tile is named, and the next try begins where the first one ended."""
    path = placed(tmp_path, scene(1500, 600))
    with tifffile.TiffFile(path) as file:
        at = file.pages[0].dataoffsets[55]
    good = path.read_bytes()
    path.write_bytes(good[:at] + bytes(20) + good[at + 20 :])
    with pytest.raises(DataInvalid, match="tile 55 of level 0"):
        predict_files(PREDICTOR, [path], tmp_path / "out")
    [kept] = [*(tmp_path / "out").iterdir()]
    assert kept.name == ".a.tif.windows"
    assert kept.stat().st_size > 1000
    path.write_bytes(good)
    with pytest.raises(WriteRefused, match="begun with another image"):
        predict_files(PREDICTOR, [path], tmp_path / "out")


def test_another_network_does_not_go_on(tmp_path):
    """Its windows would lie beside those of the first."""
    path = placed(tmp_path, scene(700, 700))

    class Broken(Blurred):
        def forward(self, image):
            if image.shape[-2:] == (224, 224) and float(image.mean()) > self.most:
                raise KeyboardInterrupt
            return super().forward(image)

    broken = Broken()
    broken.most = -1.0
    with pytest.raises(KeyboardInterrupt):
        predict_files(replace(PREDICTOR, network=broken), [path], tmp_path / "out")
    with pytest.raises(WriteRefused, match=r"remove .*windows to begin anew"):
        predict_files(replace(PREDICTOR, numbers=(3, 4)), [path], tmp_path / "out")


def run(path, out, **how):
    """A prediction in a process of its own."""
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from finished_run import Threshold\nfrom weakseg.evaluation.files.predict_files import predict_files\n"
        "from weakseg.evaluation.predictor import Predictor\nfrom weakseg.types import Classes\n"
        "network = Predictor(Threshold(), Classes(('dark', 'bright')), 3, tile_px=256)\n"
        "def told(done, total):\n    print(done, flush=True)\n    time.sleep(float(sys.argv[3]))\n"
        "predict_files(network, [Path(sys.argv[1])], Path(sys.argv[2]), progress=told)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(out), str(how.pop("pause", 0))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def test_a_killed_prediction_goes_on(tmp_path):
    """After kill -9 the finished windows are kept, and the result is that of one run."""
    path = placed(tmp_path, scene(900, 900))
    expected = predicted(path, tmp_path / "expected", Predictor(Threshold(), CLASSES, 3, tile_px=256))
    with run(path, tmp_path / "out", pause=0.2) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if line == "5\n":
                break
        killed.send_signal(signal.SIGKILL)
    assert sorted(os.listdir(tmp_path / "out")) == [".a.tif.claim0", ".a.tif.windows"]
    before = (tmp_path / "out" / ".a.tif.windows").read_bytes()
    began = time.monotonic()
    found = predicted(path, tmp_path / "out", Predictor(Threshold(), CLASSES, 3, tile_px=256))
    assert time.monotonic() - began < 60
    assert len(before) > 1000
    assert (found == expected).all()
    assert os.listdir(tmp_path / "out") == ["a.tif"]
    assert (tmp_path / "out" / "a.tif").read_bytes() == (tmp_path / "expected" / "a.tif").read_bytes()


def test_several_images_go_on_with_the_rest(tmp_path):
    """The same command keeps what it finished; another network's masks are never mixed with it."""
    paths = [placed(tmp_path, scene(300, 300)), tmp_path / "b.tif"]
    paths[1].write_bytes(paths[0].read_bytes())

    def interrupted(done, total):
        if (tmp_path / "out" / "a.tif").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(PREDICTOR, paths, tmp_path / "out", progress=interrupted)
    before = (tmp_path / "out" / "a.tif").stat()
    with pytest.raises(DataInvalid, match="exist already"):
        predict_files(replace(PREDICTOR, numbers=(3, 4)), paths, tmp_path / "out")
    predict_files(PREDICTOR, paths, tmp_path / "out")
    assert (tmp_path / "out" / "a.tif").stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(os.listdir(tmp_path / "out")) == ["a.tif", "b.tif"]
    with pytest.raises(DataInvalid, match="exist already"):
        predict_files(PREDICTOR, paths, tmp_path / "out")


def test_a_full_disk_keeps_what_is_finished(tmp_path):
    """One clear message, and with more space the same command ends well."""
    import resource

    path = placed(tmp_path, scene(900, 900))
    limit = 60_000

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with run(path, tmp_path / "out", preexec_fn=small) as full:
        _, said = full.communicate()
    assert "WriteRefused" in said
    assert "what is finished is kept" in said
    assert os.listdir(tmp_path / "out") == [".a.tif.windows"]
    with run(path, tmp_path / "out") as again:
        again.communicate()
    assert again.returncode == 0
    assert os.listdir(tmp_path / "out") == ["a.tif"]


def test_masks_alone_are_written_by_windows(tmp_path):
    """Anything else is refused before the first window."""
    path = placed(tmp_path, scene(60, 70))
    with pytest.raises(DataInvalid, match="--probabilities and --overlays with .*predicted by windows"):
        predict_files(PREDICTOR, [path], tmp_path / "out", probabilities=True, overlays=True)
    assert not (tmp_path / "out").exists()


def test_small_tiffs_without_a_place_are_as_ever(tmp_path):
    """A PNG of the same name."""
    path = write(tmp_path / "a.tif", scene(60, 70), tile=(32, 32))
    assert predict_files(PREDICTOR, [path], tmp_path / "out") == [tmp_path / "out" / "a.png"]


def test_the_image_is_read_as_ever(tmp_path):
    """Sixteen bits and a declared range, in windows as in the whole."""
    values = scene(300, 500).astype(np.uint16) * 16
    path = placed(tmp_path, values)
    reading = Reading(range=(0, 4095))
    predictor = replace(PREDICTOR, reading=reading)
    whole = replace(predictor, tile_px=4096).labels(path)
    assert (predicted(path, tmp_path / "out", predictor) == whole).mean() > 0.9999
    with opened_raster(path) as raster:
        assert raster is not None
        assert (raster.read(Window(0, 0, 300, 500)).values == values).all()
    assert read_image(path, reading).shape == (3, 300, 500)


def test_classes_beyond_eight_bits_have_sixteen(tmp_path):
    """A mask of 500 classes."""
    path = placed(tmp_path, scene(60, 70))
    found = predicted(path, tmp_path / "out", replace(PREDICTOR, numbers=(1, 500)))
    assert found.dtype == np.uint16
    assert {*np.unique(found)} == {1, 500}
