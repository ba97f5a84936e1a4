"""Every kind of image file people have, and every way in which it may be broken."""

import re
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from weakseg.data.images import image_file, label_file, stored
from weakseg.data.images.image_file import read_image, size_of
from weakseg.data.images.label_file import palette, read_colours, read_labels, write_labels
from weakseg.data.images.stored import Reading
from weakseg.errors import DataInvalid, WriteRefused
from weakseg.types import UNLABELED

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]


def saved(path, array, **more):
    """Writes an array as Pillow would; returns the path."""
    Image.fromarray(array).save(path, **more)
    return path


def in_range(array):
    """What an image of these values must read as: channels first, in [0, 1]."""
    return np.moveaxis(np.atleast_3d(array), -1, 0).astype(np.float32) / np.iinfo(array.dtype).max


@pytest.mark.parametrize("extension", ["png", "tif", "bmp", "PNG", "webp"])
def test_colour_is_three_channels_over_255(tmp_path, extension):
    """Channels first, float32, in every lossless format."""
    more = {"lossless": True} if extension == "webp" else {}
    image = read_image(saved(tmp_path / f"a.{extension}", RGB, **more))

    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    assert np.array_equal(image, in_range(RGB))


@pytest.mark.parametrize("extension", ["png", "tif", "bmp"])
def test_grey_is_one_channel(tmp_path, extension):
    """Nobody turns grey into colour behind your back."""
    assert np.array_equal(read_image(saved(tmp_path / f"a.{extension}", GREY)), in_range(GREY))


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bits_are_over_65535(tmp_path, extension):
    """The range of the file, not of the camera."""
    deep = GREY.astype(np.uint16) * 257

    assert np.array_equal(read_image(saved(tmp_path / f"a.{extension}", deep)), in_range(deep))


def test_jpegs_are_read(tmp_path):
    """To the loss of JPEG."""
    flat = np.full((16, 16, 3), 128, np.uint8)

    assert np.allclose(read_image(saved(tmp_path / "a.jpg", flat)), 128 / 255, atol=0.01)


def test_transparency_is_dropped(tmp_path):
    """RGBA gives the colours under the transparency, grey with alpha one channel."""
    alpha = np.full((*GREY.shape, 1), 7, np.uint8)

    colour = read_image(saved(tmp_path / "a.png", np.concatenate([RGB, alpha], axis=2)))
    grey = read_image(saved(tmp_path / "b.png", np.concatenate([GREY[:, :, None], alpha], axis=2)))

    assert np.array_equal(colour, in_range(RGB))
    assert np.array_equal(grey, in_range(GREY))


@pytest.mark.parametrize("transparency", [None, bytes([0, 255])])
def test_a_palette_image_shows_its_colours(tmp_path, transparency):
    """The palette is looked up, with or without transparent colours."""
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 255, 0, 51])
    image.save(tmp_path / "a.png", **({} if transparency is None else {"transparency": transparency}))

    assert np.allclose(read_image(tmp_path / "a.png")[:, 0].T * 255, [[10, 20, 30], [255, 0, 51]])


@pytest.mark.parametrize("read", [read_image, read_colours])
def test_a_palette_that_is_missing_is_told(tmp_path, read):
    """Its chunk lost: no colour is known, but indices are."""
    file = tmp_path / "a.png"
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    image.putpalette(palette(6).tobytes())
    image.save(file)
    before, _, rest = file.read_bytes().partition(b"PLTE")
    length = int.from_bytes(before[-4:], "big")
    file.write_bytes(before[:-4] + rest[length + 4 :])

    with pytest.raises(DataInvalid, match="no palette"):
        read(file)
    assert read_labels(file).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_black_and_white_is_zero_and_one(tmp_path):
    """One bit a pixel."""
    assert read_image(saved(tmp_path / "a.png", GREY > 128))[0].tolist() == (GREY > 128).tolist()


def test_a_photo_lies_as_its_exif_orientation_says(tmp_path):
    """A camera held upright stores a lying image."""
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees clockwise to see it upright
    left_white = np.zeros((16, 32, 3), np.uint8)
    left_white[:, :16] = 255

    image = read_image(saved(tmp_path / "a.jpg", left_white, exif=exif))

    assert image.shape == (3, 32, 16)
    assert image[:, :12].min() > 0.9
    assert image[:, 20:].max() < 0.1


@pytest.mark.parametrize(
    ("array", "how"),
    [
        (RGB.astype(np.uint16) * 257, {"photometric": "rgb"}),
        (np.dstack([RGB, GREY, GREY]), {"photometric": "minisblack", "planarconfig": "contig"}),
        (np.dstack([RGB, GREY]), {"photometric": "rgb", "extrasamples": [0]}),
        (np.dstack([RGB, GREY]), {"photometric": "minisblack", "planarconfig": "contig"}),
        (RGB[:, :, :2], {"photometric": "minisblack", "planarconfig": "contig"}),
        (np.dstack([RGB, GREY, GREY]).astype(np.uint16), {"photometric": "minisblack", "compression": "zlib"}),
        (RGB.astype(np.uint16), {"photometric": "rgb", "byteorder": ">"}),
    ],
)
def test_a_tiff_keeps_every_channel_and_bit(tmp_path, array, how):
    """Near infrared is not transparency, and sixteen bits of colour are not eight."""
    tifffile.imwrite(tmp_path / "a.tif", array, **{"planarconfig": "contig", **how})

    assert np.array_equal(read_image(tmp_path / "a.tif"), in_range(array))


def test_tiff_channels_may_come_first(tmp_path):
    """As separate planes, or as ImageJ's channel pages."""
    planes = np.moveaxis(np.dstack([RGB, GREY, GREY]), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="minisblack", planarconfig="separate")
    tifffile.imwrite(tmp_path / "b.tif", planes, imagej=True, metadata={"axes": "CYX"})

    for name in ("a.tif", "b.tif"):
        assert np.array_equal(read_image(tmp_path / name), planes / np.float32(255))


def test_tiff_transparency_is_dropped(tmp_path):
    """Also where tifffile reads: sixteen bits."""
    deep = np.dstack([RGB, GREY]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", extrasamples=["unassalpha"])

    assert np.array_equal(read_image(tmp_path / "a.tif"), in_range(deep[:, :, :3]))


def test_a_compressed_tiff_is_read(tmp_path):
    """LZW, the most common compression."""
    assert np.array_equal(read_image(saved(tmp_path / "a.tif", RGB, compression="tiff_lzw")), in_range(RGB))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_is_taken_as_it_is(tmp_path, kind):
    """When it lies in [0, 1]."""
    tifffile.imwrite(tmp_path / "a.tif", (GREY / 255).astype(kind))

    assert np.allclose(read_image(tmp_path / "a.tif"), in_range(GREY))


@pytest.mark.parametrize("array", [GREY.astype(np.float32), np.full((3, 3), np.nan, np.float32), GREY.astype(np.int32)])
def test_values_of_an_unknown_range_are_refused(tmp_path, array):
    """Nobody guesses what 1 would be."""
    tifffile.imwrite(tmp_path / "a.tif", array)

    with pytest.raises(DataInvalid, match=r"a\.tif holds .* values from"):
        read_image(tmp_path / "a.tif")


def test_several_pages_are_refused(tmp_path):
    """Volumes and animations are not one image."""
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY] * 5), photometric="minisblack")
    first, second = Image.fromarray(RGB), Image.fromarray(255 - RGB)
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])

    for name in ("a.tif", "a.png"):
        with pytest.raises(DataInvalid, match=f"{name} holds .*pages"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.webp"])
@pytest.mark.parametrize("read", [read_image, read_labels])
def test_a_truncated_file_is_named(tmp_path, name, read):
    """Half a download is not half an image."""
    path = saved(tmp_path / name, np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(DataInvalid, match=f"{name} cannot be read"):
        read(path)


@pytest.mark.parametrize("read", [read_image, read_labels])
def test_what_is_no_image_is_named(tmp_path, read):
    """Text, nothing, a TIFF in name only, or no file at all."""
    for name, content in (("a.png", b"hello"), ("b.png", b""), ("c.tif", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataInvalid, match=f"{name} cannot be read"):
            read(tmp_path / name)
    for name in ("d.png", "d.tif"):
        with pytest.raises(DataInvalid, match=f"{name} is missing"):
            read(tmp_path / name)


def grey_png(path, bits, row):
    """A grey PNG of one row with 1, 2 or 4 bits a pixel."""
    packed = int("".join(format(value, f"0{bits}b") for value in row), 2).to_bytes(len(row) * bits // 8, "big")
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", len(row), 1, bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" + packed)),
    ]
    blocks = [
        struct.pack(">I", len(c)) + t + c + struct.pack(">I", zlib.crc32(t + c)) for t, c in [*parts, (b"IEND", b"")]
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(blocks))
    return path


@pytest.mark.parametrize(("bits", "row"), [(1, [0, 1, 1, 0, 0, 0, 0, 1]), (2, [0, 1, 2, 3]), (4, [0, 1, 9, 15])])
def test_labels_of_few_bits_are_not_stretched(tmp_path, bits, row):
    """Tools that shrink PNGs write class 1 in two bits; it is still class 1."""
    assert read_labels(grey_png(tmp_path / "a.png", bits, row)).tolist() == [row]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.uint32, np.int64])
def test_labels_are_the_values_as_they_are(tmp_path, kind):
    """In any kind of whole numbers that napari, scikit-image and friends write."""
    values = np.array([[0, 1, 200]], kind)
    tifffile.imwrite(tmp_path / "a.tif", values)

    assert read_labels(tmp_path / "a.tif").tolist() == [[0, 1, 200]]
    if kind in (np.uint8, np.uint16):
        assert read_labels(saved(tmp_path / "a.png", values)).tolist() == [[0, 1, 200]]


def test_coloured_labels_say_how_to_convert_them(tmp_path):
    """Colours are no class indices."""
    for array in (RGB, np.dstack([RGB, GREY])):
        with pytest.raises(DataInvalid, match="colour image") as error:
            read_labels(saved(tmp_path / "a.png", array))
        assert "Image.fromarray(labels)" in error.value.fix


def test_labels_that_cannot_be_exact_are_refused(tmp_path):
    """JPEG changes values, and half a class does not exist."""
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.float32))

    with pytest.raises(DataInvalid, match="JPEG"):
        read_labels(saved(tmp_path / "a.jpg", GREY))
    with pytest.raises(DataInvalid, match="float32"):
        read_labels(tmp_path / "a.tif")


@given(st.lists(st.integers(UNLABELED, 254), min_size=1, max_size=30), st.integers(1, 3))
def test_written_labels_read_back(tmp_path_factory, values, rows):
    """Classes as they were, unlabeled as void, in the colours of Pascal VOC."""
    path, labels = tmp_path_factory.mktemp("labels") / "a.png", np.array([values] * rows)

    write_labels(path, labels)

    assert np.array_equal(read_labels(path), np.where(labels == UNLABELED, 255, labels))
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB"))
    assert np.array_equal(shown, palette(256)[np.where(labels == UNLABELED, 255, labels)])
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


@given(st.lists(st.integers(UNLABELED, 65534), min_size=1, max_size=30))
def test_more_classes_than_eight_bits_hold_are_written_in_sixteen(tmp_path_factory, values):
    """Whatever the largest label is, the file reads back as it was."""
    path, labels = tmp_path_factory.mktemp("labels") / "a.png", np.array([values])

    write_labels(path, labels, void=65535)

    assert np.array_equal(read_labels(path), np.where(labels == UNLABELED, 65535, labels))


def test_labels_that_do_not_fit_are_not_written(tmp_path):
    """A class must not turn into void or into another class."""
    for labels, void in (([[65536]], 255), ([[255]], 255), ([[0, -1]], 0), ([[0]], 0), ([[0, -1]], None)):
        with pytest.raises(DataInvalid, match="cannot be saved where"):
            write_labels(tmp_path / "a.png", np.array(labels), void)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """A full disk costs the new file, not the old one, and is told in one sentence."""
    write_labels(tmp_path / "a.png", np.array([[1]]))

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(WriteRefused, match=r"a\.png cannot be written: No space left"):
        write_labels(tmp_path / "a.png", np.array([[2]]))

    assert read_labels(tmp_path / "a.png").tolist() == [[1]]
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_the_palette_is_that_of_pascal_voc():
    """Index 1 is dark red, 15 the person's pink, 255 the cream of void."""
    colours = palette(256)

    assert colours[[0, 1, 2, 15, 255]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [192, 128, 128],
        [224, 224, 192],
    ]
    assert len(np.unique(colours, axis=0)) == 256


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16"])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
def test_white_is_zero_leaves_labels_and_turns_images_at_every_depth(tmp_path, dtype, photometric):
    """Labels are numbers whatever they look like; images are light where the file says so."""
    stored = np.array([[0, 1], [1, 0]]) if dtype == "bool" else np.array([[0, 1], [2, 200]])
    most = {"bool": 1, "uint8": 255, "uint16": 65535}[dtype]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored.astype(dtype), photometric=photometric)

    assert read_labels(path).tolist() == stored.tolist()
    light = 1 - stored / most if photometric == "miniswhite" else stored / most
    assert np.allclose(read_image(path), light[None])


def test_nan_is_counted_and_told(tmp_path):
    """With what to do about pixels that hold no data."""
    values = np.full((4, 5), 0.5, np.float32)
    values[1, 1:3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values)

    with pytest.raises(DataInvalid, match="nan or infinity at 2 pixels") as error:
        read_image(tmp_path / "a.tif")

    assert "`nodata = nan` into dataset.toml" in error.value.fix


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_the_code_for_transparent_maps_leaves_undrawn_what_is_transparent(tmp_path, mode):
    """The message's own lines are run."""
    file, marks = tmp_path / "a.png", np.array([[0, 1, 255]])
    drawn = np.where(marks == 255, 0, marks)
    colour = [np.where(drawn == 1, 128, 0), 0 * drawn, 0 * drawn] if mode == "RGBA" else [drawn]
    Image.fromarray(np.dstack([*colour, np.where(marks == 255, 0, 255)]).astype(np.uint8), mode).save(file)
    with pytest.raises(DataInvalid) as error:
        read_labels(file)

    code = error.value.fix.partition("\n")[2]
    exec("\n".join(line.strip() if "labels[" not in line else line[4:] for line in code.split("\n")), {
        "np": np, "Image": Image, "file": file
    })  # fmt: skip

    assert read_labels(file).tolist() == marks.tolist()


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_file_is_opened_once(tmp_path, monkeypatch, mode):
    """On a slow disk each opening is a wait; the kind of a file is told while it is open."""
    opened = []
    real = stored.open_regular
    monkeypatch.setattr(stored, "open_regular", lambda path: [opened.append(path), real(path)][1])
    file = tmp_path / "a.png"
    Image.new(mode, (4, 3)).save(file)

    image_file.decode(file)
    assert opened == [file]
    if mode != "RGB":
        label_file.read_values_or_colours(file, palettes=False)
        assert opened == [file, file]


def test_the_advice_on_complex_values_can_be_followed(tmp_path):
    """No range makes grey of them; their magnitudes are read once a range is declared."""
    path = tmp_path / "a.tif"
    values = (GREY * (3 + 4j)).astype(np.complex64)
    tifffile.imwrite(path, values)

    for reading in (Reading(), Reading(range=(0, 5 * 255))):
        with pytest.raises(DataInvalid, match="complex64") as raised:
            read_image(path, reading)
    code = re.search("`(tifffile.*?)`", raised.value.fix)[1]
    exec(code, {"tifffile": tifffile, "numpy": np, "values": values, "name": path})

    assert np.allclose(read_image(path, Reading(range=(0, 5 * 255)))[0], GREY / 255, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_the_advice_on_a_label_map_that_holds_no_whole_numbers_can_be_followed(tmp_path, kind):
    """A PNG holds none of these types, so that they are rounded."""
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(kind))
    with pytest.raises(DataInvalid) as raised:
        read_labels(tmp_path / "a.tif")

    code = re.search("`(.*?)`", raised.value.fix)[1]
    labels = tifffile.imread(tmp_path / "a.tif")
    exec(code, {"PIL": __import__("PIL.Image"), "numpy": np, "labels": labels, "name": tmp_path / "a.png"})

    assert np.array_equal(read_labels(tmp_path / "a.png"), GREY)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("upright", [True, False])
def test_the_size_is_that_of_the_image_as_it_is_read(tmp_path, name, orientation, upright):
    """Also where a photo is rotated, and of TIFFs, which Pillow rotates by itself."""
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.zeros((6, 9, 3), np.uint8)).save(tmp_path / name, exif=exif)

    reading = Reading(upright=upright)
    assert size_of(tmp_path / name, reading) == read_image(tmp_path / name, reading).shape[1:]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a"])
def test_a_label_map_is_named_png(tmp_path, name):
    """Under another name it would be saved again with loss, or not found."""
    with pytest.raises(DataInvalid, match=r"name it a\.png"):
        write_labels(tmp_path / name, np.array([[1]]))
    assert not list(tmp_path.iterdir())
