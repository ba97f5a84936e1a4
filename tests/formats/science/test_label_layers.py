"""TIFFs whose numbers are classes."""

from io import BytesIO

import numpy as np
import pytest
import tifffile
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.annotations.matched import matched
from weakseg.errors import DataInvalid
from weakseg.formats.science.label_layers import LABEL_LAYERS
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

LAYER = np.zeros((80, 100), np.uint32)
LAYER[2:4, 1:5], LAYER[6, 8] = 1, 3


def tiff(values, **options):
    """A TIFF of these values."""
    stream = BytesIO()
    tifffile.imwrite(stream, values, metadata=None, **options)
    return stream.getvalue()


FILES = {"a.tif": tiff(LAYER)}
"""A small set of its files, for the contract test."""


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.uint32, np.int64])
def test_every_number_but_zero_is_a_class(tmp_path, kind):
    """Of whatever bits: napari and convpaint save 32."""
    (tmp_path / "a.tif").write_bytes(tiff(LAYER.astype(kind), compression="zlib"))
    annotations = read(LABEL_LAYERS, tmp_path)
    assert not annotations.ignored
    (image,) = annotations.images
    found = labels_of(image, LAYER.shape, 4, int, Uses())
    assert [mark.label for mark in image.marks] == ["1", "3"]
    assert (found.seeds == np.where(LAYER > 0, LAYER.astype(int), UNLABELED)).all()
    assert "0 is no class" in annotations.notes[0]


def test_what_a_file_declares_as_no_data_is_no_class(tmp_path):
    """And then 0 is one: land cover counts from it."""
    layer = LAYER.astype(np.uint8)
    layer[0] = 255
    (tmp_path / "a.tif").write_bytes(tiff(layer, extratags=[(42113, 2, 0, "255", True)]))
    assert [mark.label for mark in marks_of(read(LABEL_LAYERS, tmp_path))] == ["0", "1", "3"]


@pytest.mark.parametrize("added", ["_annotations", "_labels", "-mask", ".scribbles", ""])
def test_layers_are_named_like_their_image(tmp_path, added):
    """With what people add; convpaint's sample is called annotations."""
    (tmp_path / f"a{added}.tif").write_bytes(FILES["a.tif"])
    sizes = {"a": (80, 100)}.get
    assert [image.name for image in read(LABEL_LAYERS, tmp_path, sizes).images] == ["a"]


def test_photos_and_objects_are_refused(tmp_path):
    """Colours are no layer, and numbers of nuclei no classes."""
    (tmp_path / "a.tif").write_bytes(tiff(np.zeros((80, 100, 3), np.uint8), photometric="rgb"))
    assert not read(LABEL_LAYERS, tmp_path).images
    (tmp_path / "a.tif").write_bytes(tiff(np.arange(8000, dtype=np.uint16).reshape(80, 100)))
    (ignored,) = read(LABEL_LAYERS, tmp_path).ignored
    assert "8,000 numbers" in ignored.reason


def test_a_layer_is_not_unpacked_before_its_size_is_known(tmp_path):
    """A file of a kilobyte may state any size."""
    content = bytearray(tiff(LAYER))
    with tifffile.TiffFile(BytesIO(bytes(content))) as file:
        at = file.pages[0].tags[256].valueoffset
    content[at : at + 4] = (2**30).to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(bytes(content))
    (image,) = read(LABEL_LAYERS, tmp_path).images
    assert image.size == (80, 2**30)
    assert not image.marks


def test_layers_on_the_ground_lie_on_the_grid_of_their_image(tmp_path):
    """Or both grids are printed; nothing is resampled."""
    maps = pytest.importorskip("maps")
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    image = maps.geotiff(tmp_path / "images" / "a.tif")
    layer = np.ones((1, 8, 9), np.uint8)
    labels = maps.geotiff(tmp_path / "labels" / "a.tif", values=layer, nodata=0)
    assert [mark.label for mark in matched([labels], {"a": image}).images["a"].marks] == ["1"]

    maps.geotiff(labels, maps.NORTH_UP @ maps.Affine.translation(1, 0), values=layer)
    with pytest.raises(DataInvalid, match=r"lie on another grid: they have .*500000\.5.*, the image has .*500000, "):
        matched([labels], {"a": image})
    maps.geotiff(labels, epsg=32634, values=layer)
    with pytest.raises(DataInvalid, match=r"zone 34N\).*zone 33N\)"):
        matched([labels], {"a": image})


@needs_samples
def test_samples_of_napari_and_convpaint_are_read():
    """Scribbles of a lily, in three classes."""
    lily = SAMPLES / "napari_convpaint" / "lily_annotations.tif"
    from weakseg.annotations.reading import read_annotations

    annotations = read_annotations([lily], {"lily": (922, 922)}.get)
    assert [mark.label for mark in marks_of(annotations)] == ["1", "2", "3"]
    assert [image.name for image in annotations.images] == ["lily"]


@pytest.mark.parametrize("said", ["unknown", ""])
def test_no_data_that_is_no_number_declares_nothing(tmp_path, said):
    """Some programs write words there."""
    (tmp_path / "a.tif").write_bytes(tiff(LAYER.astype(np.uint8), extratags=[(42113, 2, 0, said, True)]))
    annotations = read(LABEL_LAYERS, tmp_path)
    assert [mark.label for mark in marks_of(annotations)] == ["1", "3"]
    assert "0 is no class" in annotations.notes[0]
