"""Images of any format, opened by their content for reading by windows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weakseg.data.rasters.geo import is_gdal, opened_gdal
from weakseg.data.rasters.raster import Raster
from weakseg.data.rasters.tiff import is_tiff, opened_tiff


@contextmanager
def opened_raster(path: Path) -> Iterator[Raster | None]:
    """An image for reading by windows; `None` if its format has none, and it has to be decoded as a whole.

    TIFFs of every kind (GeoTIFF, BigTIFF, pyramids of slides) have windows; VRT and JPEG 2000 with the extra `geo`.

    Raises:
        DataInvalid: it is missing or damaged, or its levels disagree.
    """
    if is_tiff(path):
        with opened_tiff(path) as tiff:
            yield tiff
    elif is_gdal(path):
        with opened_gdal(path) as other:
            yield other
    else:
        yield None
