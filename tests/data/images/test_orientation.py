"""Photos whose EXIF orientation turns or mirrors them: as viewers show them, or as they are stored."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels
from weakseg.data.images.orientation import orientation_in, turned, turned_back
from weakseg.data.images.stored import Reading

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
ORIENTATIONS = range(1, 9)


def marked(orientation):
    """The tags that say it."""
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def stored(path, array, orientation):
    """A file of the array with an orientation; Pillow cannot hold colours of 16 bits."""
    if array.dtype == np.uint16 and array.ndim == 3:
        tifffile.imwrite(path, array, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    else:
        Image.fromarray(array).save(path, exif=marked(orientation))
    return path


def seen(array, orientation):
    """What Pillow makes of it, channel by channel."""
    channels = []
    for channel in np.moveaxis(np.atleast_3d(array), -1, 0):
        image = Image.fromarray(channel)
        image.getexif()[274] = orientation
        channels.append(np.asarray(ImageOps.exif_transpose(image)))
    return np.stack(channels)


FILES = {
    "colour PNG": ("png", RGB),
    "colour TIFF": ("tif", RGB),
    "grey TIFF of 16 bits": ("tif", RGB[:, :, 0].astype(np.uint16) * 257),
    "colour TIFF of 16 bits": ("tif", RGB.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", FILES)
def test_an_image_is_read_as_it_is_seen_or_as_it_is_stored(tmp_path, kind, orientation):
    """Whichever library reads the file."""
    extension, array = FILES[kind]
    path = stored(tmp_path / f"a.{extension}", array, orientation)

    scale = np.float32(np.iinfo(array.dtype).max)
    assert np.array_equal(read_image(path), seen(array, orientation) / scale)
    assert np.array_equal(read_image(path, Reading(upright=False)), np.moveaxis(np.atleast_3d(array), -1, 0) / scale)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_a_label_map_lies_like_its_image(tmp_path, extension, orientation):
    """Where the program that drew it copied the photo's tags."""
    labels = RGB[:, :, 0] % 3
    path = stored(tmp_path / f"a.{extension}", labels, orientation)

    assert np.array_equal(read_labels(path), seen(labels, orientation)[0])
    assert np.array_equal(read_labels(path, Reading(upright=False)), labels)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_turning_back_undoes_turning(orientation):
    """For every orientation."""
    assert np.array_equal(turned_back(turned(RGB, orientation), orientation), RGB)


@pytest.mark.parametrize("tags", [{}, {274: 0}, {274: 9}, {274: "top left"}, {274: None}])
def test_a_strange_orientation_is_none(tags):
    """As viewers have it."""
    assert orientation_in(tags) == 1
