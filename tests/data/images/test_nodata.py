"""Pixels without data are neither learnt from nor judged, once dataset.toml says how files mark them."""

import re

import numpy as np
import pytest
import tifffile
from farms import KEYS, MASK, SCRIBBLE, faults, lay_out, remarks, save, write
from PIL import Image

from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.images.image_file import decode, read_image
from weakseg.data.images.stored import Reading
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

EMPTY = np.zeros((12, 16), bool)
EMPTY[:2, :4] = True
"""Where two pixels of a scribble lie, and background in the mask."""


@pytest.fixture
def farm(tmp_path):
    """A folder with nothing but masks and scribbles."""
    root = lay_out(tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    return root


def image(key):
    """Colours in [0, 1] that tell the images apart."""
    return np.random.default_rng(ord(key)).uniform(0.25, 0.75, (12, 16, 3)).astype(np.float32)


def lay_images(root, mark):
    """All images with that mark where they hold no data."""
    for key in KEYS:
        values, file = image(key), root / "images" / f"{key}.png"
        file.unlink()
        if mark == "transparent":
            bytes_ = (255 * values).round().astype(np.uint8)
            save(file, np.dstack([np.where(EMPTY[:, :, None], 255, bytes_), np.where(EMPTY, 0, 255)]).astype(np.uint8))
        elif mark == "transparent, sixteen bits":
            sixteen = (65535 * np.dstack([values, ~EMPTY])).round().astype(np.uint16)
            tifffile.imwrite(file.with_suffix(".tif"), sixteen, photometric="rgb", extrasamples=["unassalpha"])
        else:
            values[EMPTY] = float(mark)
            tifffile.imwrite(file.with_suffix(".tif"), values, photometric="rgb")


def advice(root, mark):
    """The line of dataset.toml that a check proposes."""
    told = remarks(root)["images"] if mark.startswith("transparent") else faults(root)["images/a.tif"]
    return re.search("`(nodata = [^`]+)` into dataset.toml", told.fix)[1]


MARKS = ["transparent", "transparent, sixteen bits", "-9999", "nan", "-3.4028235e+38"]


@pytest.mark.parametrize("mark", MARKS)
def test_the_advice_keeps_empty_pixels_from_being_learnt_and_judged(farm, mark):
    """With a mask and without, whatever the labels say there; the image has its mean in their place."""
    lay_images(farm, mark)
    (farm / "masks" / "a.png").unlink()

    write(farm / "dataset.toml", advice(farm, mark))

    assert not faults(farm)
    assert "images" not in remarks(farm)
    for sample in Folder(str(farm), "all"):
        assert np.array_equal(sample.valid, ~EMPTY)
        assert np.array_equal(sample.seeds, np.where((SCRIBBLE == 255) | EMPTY, UNLABELED, SCRIBBLE.astype(int)))
        assert (sample.truth is None) == (sample.key == "a")
        assert sample.truth is None or np.array_equal(sample.truth, np.where(EMPTY, UNLABELED, MASK.astype(int)))
        kept = image(sample.key)[~EMPTY]
        assert np.allclose(sample.image[:, ~EMPTY].T, kept, atol=0.003)
        assert np.allclose(sample.image[:, EMPTY].T, kept.mean(axis=0), atol=0.003)


def test_a_mask_that_is_a_label_says_nothing_where_there_is_no_data(farm):
    """Fully labelled images too."""
    lay_images(farm, "transparent")
    write(farm / "dataset.toml", 'nodata = "transparent"', 'fully_labelled = ["*"]')

    assert np.array_equal(Folder(str(farm))[0].seeds == UNLABELED, EMPTY)


def test_transparent_pixels_are_told_of(farm):
    """How many, in which images, until they are declared; an opaque image is no reason."""
    lay_images(farm, "transparent")
    save(farm / "images" / "b.png", np.dstack([(255 * image("b")).astype(np.uint8), np.full((12, 16), 255, np.uint8)]))

    found = remarks(farm)["images"].found

    assert "5 of 6 images have transparent pixels, up to 4.2% of an image" in found
    assert "a, c, d, e" in found
    write(farm / "dataset.toml", "nodata = 7")
    assert "`nodata = 7`" in remarks(farm)["images"].fix


def test_numbers_of_one_channel_are_data(tmp_path):
    """Black is in many colours; empty is what has the number in all channels."""
    values = np.zeros((2, 3, 3), np.uint8)
    values[0], values[1, 0] = (0, 90, 60), (60, 30, 90)
    save(tmp_path / "a.png", values)

    read = decode(tmp_path / "a.png", Reading(nodata="0"))

    assert np.array_equal(read.empty, [[False] * 3, [False, True, True]])
    assert np.allclose(255 * read.image[:, 1, 2], [15, 75, 67], atol=1)


def test_an_image_without_any_data_is_black(tmp_path):
    """And is no reason to stop."""
    save(tmp_path / "a.png", np.zeros((2, 3, 4), np.uint8))

    read = decode(tmp_path / "a.png", Reading(nodata="transparent"))

    assert read.empty.all()
    assert not read.image.any()


def test_an_empty_pixel_lies_where_the_photo_is_turned_to(tmp_path):
    """Transparency is turned with the colours."""
    values = np.full((2, 3, 4), 255, np.uint8)
    values[0, 2, 3] = 0
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)

    assert np.argwhere(decode(tmp_path / "a.png", Reading(nodata="transparent")).empty).tolist() == [[2, 1]]


def test_infinity_is_no_mark(tmp_path):
    """Only the code for it is proposed, and it works."""
    values = np.full((4, 5), 0.5, np.float32)
    values[1, 1], values[2, 2] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", values)
    with pytest.raises(DataInvalid) as error:
        read_image(tmp_path / "a.tif")
    assert "nodata" not in error.value.fix

    code = re.search("`(.*)`", error.value.fix)[1]
    tifffile.imwrite(tmp_path / "a.tif", eval(code, {"numpy": np, "values": values}))

    assert read_image(tmp_path / "a.tif")[0, 1, 1] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nodata = -9999", "-9999"), ("nodata = nan", "nan"), ('nodata = "nan"', "nan"),
        ("nodata = -3.4028235e+38", "-3.4028235e+38"), ('nodata = ""', ""), ('nodata = "transparent"', "transparent"),
    ],
)  # fmt: skip
def test_a_mark_is_a_number_or_a_word(tmp_path, line, said):
    """As TOML writes them."""
    write(tmp_path / "dataset.toml", line)

    assert read_declaration(tmp_path) == Declaration(nodata=said)


@pytest.mark.parametrize("value", ["true", '"black"', "[0]"])
def test_another_mark_is_refused(farm, value):
    """With what there is."""
    write(farm / "dataset.toml", f"nodata = {value}")

    assert '"transparent"' in faults(farm)["dataset.toml"].expected
