"""Virtual mosaics: nothing is fetched from elsewhere."""

import pytest

from weakseg.data.rasters.geo import opened_gdal
from weakseg.data.rasters.raster import Window
from weakseg.errors import DataInvalid

VRT = (
    '<VRTDataset rasterXSize="9" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
    '<SourceFilename relativeToVRT="{}">{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>'
    "</VRTDataset>"
)


@pytest.mark.parametrize(
    "name",
    ["/vsicurl/http://127.0.0.1:9/x.tif", "http://127.0.0.1:9/x.tif", "/VSIS3/bucket/x.tif", "&#47;vsizip/a.zip"],
)
def test_files_of_other_machines_are_refused_before_they_are_opened(tmp_path, name):
    """However they are written, and behind another VRT too."""
    (tmp_path / "far.vrt").write_text(VRT.format(0, name))
    (tmp_path / "near.vrt").write_text(VRT.format(1, "far.vrt"))
    for file in ("far.vrt", "near.vrt"):
        with pytest.raises(DataInvalid, match="files of this machine"), opened_gdal(tmp_path / file):
            pass


def test_a_vrt_that_names_itself_ends(tmp_path):
    """With a message, and not in an endless walk."""
    (tmp_path / "self.vrt").write_text(VRT.format(1, "self.vrt"))
    with pytest.raises(DataInvalid), opened_gdal(tmp_path / "self.vrt") as opened:
        opened.read(Window(0, 0, 8, 9))
