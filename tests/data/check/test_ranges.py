"""Images that use a part of what their files could hold: told with the numbers, and the advice fixes them."""

import re

import numpy as np
import pytest
import tifffile
from farms import KEYS, faults, remarks, write
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.data.images.value_range import fitting, held_by
from weakseg.errors import DataInvalid
from weakseg.recipe.default import choose

EIGHT_BITS = {key: np.random.default_rng(n).integers(0, 256, (12, 16)).astype(np.uint8) for n, key in enumerate(KEYS)}
"""The scene, as a camera of eight bits sees it; from black to white."""
for _image in EIGHT_BITS.values():
    _image[0, :2] = 0, 255


def bits(number):
    """The scene as a camera of so many bits sees it, in sixteen."""
    return lambda image: np.round(image / 255 * (2**number - 1)).astype(np.uint16)


def offset(image):
    """Numbers around the middle of sixteen bits."""
    return np.round(33069 + image / 255 * 3794).astype(np.uint16)


def reflectance(image):
    """Floating point up to .01."""
    return (image / 255 * 0.01).astype(np.float32)


DIM = {
    "8 bits": (bits(8), "range = [0, 255]"),
    "10 bits": (bits(10), "range = [0, 1023]"),
    "12 bits": (bits(12), "range = [0, 4095]"),
    "14 bits": (bits(14), "range = [0, 16383]"),
    "an offset": (offset, "range = [33069, 36863]"),
    "floating point": (reflectance, "range = [0.0, 0.01]"),
}


def fill(root, change, keys=KEYS):
    """Saves the scene's images as TIFF, changed."""
    for key in keys:
        for old in (root / "images").glob(f"{key}.*"):
            old.unlink()
        tifffile.imwrite(root / "images" / f"{key}.tif", change(EIGHT_BITS[key]))


def advised(fix):
    """The line that an advice would have in dataset.toml."""
    return re.findall(r"`(range = .*?)`", fix)[0]


def assert_as_eight_bits(root):
    """The images look as the camera of eight bits sees them."""
    for sample in Folder(str(root), "all"):
        assert np.abs(sample.image - EIGHT_BITS[sample.key] / 255).max() < 1 / 255, sample.key


@pytest.mark.parametrize("case", DIM)
def test_a_part_of_the_range_is_told_and_the_advice_mends_it(sound_farm, case):
    """In a check and in a training: afterwards images are what they would be in eight bits."""
    change, line = DIM[case]
    fill(sound_farm, change)
    (told,) = faults(sound_farm).values()
    assert told.file.name == "images"
    lowest, highest = map(str, change(np.array([0, 255])))
    assert f"all 6 images have values from {lowest} to {highest}" in told.found
    with pytest.raises(DataInvalid) as error:
        choose(str(sound_farm), "unet")
    assert advised(error.value.fix) == advised(told.fix) == line

    write(sound_farm / "dataset.toml", line)

    assert not check(str(sound_farm)).findings
    assert_as_eight_bits(sound_farm)
    choose(str(sound_farm), "unet")


def test_images_of_eight_bits_stay_beside_others(sound_farm):
    """Two cameras: the declared range is for files of more than eight bits alone."""
    fill(sound_farm, lambda image: image, "ace")
    fill(sound_farm, bits(12), "bdf")
    told = faults(sound_farm)["images"]
    assert "3 of 6 images" in told.found

    write(sound_farm / "dataset.toml", advised(told.fix))

    assert not check(str(sound_farm)).findings
    assert_as_eight_bits(sound_farm)


def test_different_kinds_of_numbers_are_worth_knowing(sound_farm):
    """Eight and sixteen bits that fill their files are alike, and told all the same."""
    fill(sound_farm, lambda image: image, "ace")
    fill(sound_farm, bits(16), "bdf")

    assert not faults(sound_farm)
    assert "3 of uint8, 3 of uint16" in remarks(sound_farm)["images"].found
    assert_as_eight_bits(sound_farm)


def test_two_kinds_of_which_one_is_dim_are_to_be_saved_alike(sound_farm):
    """No one range is right for both."""
    fill(sound_farm, reflectance, "ace")
    fill(sound_farm, bits(16), "bdf")
    told = faults(sound_farm)["images"]
    assert "save all images in one of them" in told.fix

    fill(sound_farm, bits(16), "ace")

    assert not check(str(sound_farm)).findings


@pytest.mark.parametrize("declared", [(), ("range = [0, 16383]",)])
def test_two_cameras_in_sixteen_bits_are_told(sound_farm, declared):
    """Twelve bits beside more: multiplied as the remark says, they are alike."""
    many = 14 if declared else 16
    write(sound_farm / "dataset.toml", *declared)
    fill(sound_farm, bits(12), "ace")
    fill(sound_farm, bits(many), "bdf")
    told = remarks(sound_farm)["images"]
    assert "3 of 6 images have values up to 4095" in told.found
    assert told.keys == ("a", "c", "e")

    (advice,) = re.findall(r"as `(.*?)`", told.fix)
    fill(sound_farm, lambda image: eval(advice, {"numpy": np, "values": bits(12)(image)}), "ace")

    assert not check(str(sound_farm)).findings
    assert_as_eight_bits(sound_farm)


def test_full_files_are_not_told_of(sound_farm):
    """Sixteen bits, and floating point in [0, 1]; nor an image that is dark among others."""
    fill(sound_farm, bits(16))
    assert not check(str(sound_farm)).findings
    fill(sound_farm, lambda image: (image / 255 / 16).astype(np.float32), "a")
    fill(sound_farm, lambda image: (image / 255).astype(np.float32), "bcdef")
    assert not check(str(sound_farm)).findings


def test_who_means_the_whole_range_declares_it(sound_farm):
    """The finding says how; what remains is a remark."""
    fill(sound_farm, bits(12))

    write(sound_farm / "dataset.toml", "range = [0, 65535]")

    assert not faults(sound_farm)
    assert "6.2 % of `range = [0, 65535]`" in remarks(sound_farm)["images"].found
    choose(str(sound_farm), "unet")


def test_what_a_range_clips_is_told(sound_farm):
    """Worth knowing where it is a part; wrong where it is all of an image."""
    fill(sound_farm, bits(16))
    write(sound_farm / "dataset.toml", "range = [0, 32767]")
    assert not faults(sound_farm)
    assert "clips what lies outside, in all 6 images" in remarks(sound_farm)["images"].found
    assert Folder(str(sound_farm))[0].image.max() == 1

    write(sound_farm / "dataset.toml", "range = [0, 4095]")
    fill(sound_farm, bits(12))
    fill(sound_farm, lambda image: bits(16)(image) // 2 + 30000, "ab")

    told = faults(sound_farm)["images"]
    assert "2 of 6 images, which become black or white: a, b" in told.found
    assert told.keys == ("a", "b")


OTHERS = {
    "a sign": lambda image: image.astype(np.int16) - 1000,
    "beyond 1": lambda image: image.astype(np.float32) * 40,
    "thirty-two bits": lambda image: image.astype(np.int32) * 2_000_000,
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_range_makes_other_numbers_readable(sound_farm, case):
    """The error says so."""
    fill(sound_farm, OTHERS[case])
    assert "write `range = [low, high]` into dataset.toml" in faults(sound_farm)["images/a.tif"].fix

    low, high = OTHERS[case](np.array([0, 255]))
    write(sound_farm / "dataset.toml", f"range = [{low}, {high}]")

    assert not check(str(sound_farm)).findings
    assert_as_eight_bits(sound_farm)


def test_small_differences_of_large_numbers_survive(sound_farm):
    """Float32 alone would round them away."""
    fill(sound_farm, lambda image: image.astype(np.uint32) + 4_000_000_000)
    write(sound_farm / "dataset.toml", "range = [4000000000, 4000000255]")

    assert_as_eight_bits(sound_farm)


def test_nan_stays_refused(sound_farm):
    """No range says what it means."""
    fill(sound_farm, lambda image: np.where(image == 0, np.nan, image / 255).astype(np.float32))
    write(sound_farm / "dataset.toml", "range = [0, 0.5]")

    assert "nan or infinity" in faults(sound_farm)["images/a.tif"].found


@pytest.mark.parametrize(
    "value", ["[4095, 0]", "[5, 5]", "[0]", "[0, 1, 2]", '["0", "1"]', "4095", "[0, inf]", "[nan, 1]", "[true, 2]"]
)
def test_a_range_is_two_numbers_the_lower_one_first(sound_farm, value):
    """Nothing else; the message has an example, and an empty list is as good as none."""
    write(sound_farm / "dataset.toml", f"range = {value}")
    assert "[0, 4095]" in faults(sound_farm)["dataset.toml"].expected

    write(sound_farm / "dataset.toml", "range = []")
    assert not faults(sound_farm)


def test_the_range_that_fits_leaves_nothing_dim():
    """Of bits where the extremes fill a quarter of them, else the extremes themselves."""
    assert fitting(621, 2606) == (0, 4095)
    assert fitting(0, 4096) == (0, 16383)
    assert fitting(3000, 3500) == (3000, 3500)
    assert fitting(0, 3) == (0, 3)
    assert fitting(-1000, 1000) == (-1000, 1000)
    assert fitting(0.0, 0.01) == (0.0, 0.01)


def test_png_and_tiff_are_read_alike(sound_farm):
    """Grey PNGs of sixteen bits too."""
    fill(sound_farm, bits(12), "abc")
    for key in "def":
        Image.fromarray(bits(12)(EIGHT_BITS[key])).save(sound_farm / "images" / f"{key}.png")
    write(sound_farm / "dataset.toml", "range = [0, 4095]")

    assert_as_eight_bits(sound_farm)


def hot(change):
    """One pixel of each image holds the most that a file can."""

    def changed(image):
        values = change(image)
        values[5, 5] = 1 if values.dtype.kind == "f" else 65535
        return values

    return changed


def padded(change):
    """A margin of zeros, as warped images and mosaics have; values elsewhere are as before."""

    def changed(image):
        values = change(image)
        values[:, -5:] = 0
        return values

    return changed


@pytest.mark.parametrize("fault", [hot, padded, lambda change: padded(hot(change))])
@pytest.mark.parametrize("case", DIM)
def test_neither_hot_pixels_nor_margins_hide_dim_images(sound_farm, case, fault):
    """The advice is the same without them, and the rest of the image is then as eight bits have it."""
    change, line = DIM[case]
    fill(sound_farm, fault(change))

    told = faults(sound_farm)["images"]

    assert advised(told.fix) == line
    with pytest.raises(DataInvalid, match="almost one brightness"):
        choose(str(sound_farm), "unet")
    write(sound_farm / "dataset.toml", line)
    assert not faults(sound_farm)
    for sample in Folder(str(sound_farm), "all"):
        assert np.abs(sample.image - EIGHT_BITS[sample.key] / 255)[..., :5, :11].max() < 1 / 255


def test_numbers_beside_rare_ones_and_margins_are_told_as_such(sound_farm):
    """Both extremes are named, so that nobody looks for them in vain."""
    fill(sound_farm, padded(hot(offset)))

    said = faults(sound_farm)["images"].found

    assert "from 33069 to 36863 (with outliers, 0 to 65535)" in said


def test_a_few_bright_things_on_black_are_not_dim(sound_farm):
    """Fluorescence: nearly everything is 0, and a hundredth of the pixels fills the file."""

    def stars(image):
        values = np.zeros((120, 160), np.uint16)
        values[::10, ::10] = np.round(bits(16)(image)[0, :] * 0.1 + 50000)
        return values

    fill(sound_farm, stars)

    assert not [told for told in faults(sound_farm).values() if "brightness" in told.found]


@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
    st.sampled_from([np.uint16, np.int32, np.float32]),
)
def test_usual_numbers_lie_within_the_extremes(rows, columns, seed, dtype):
    """And but for zeros, at most a thousandth and one of the numbers lies below or above them."""
    values = np.random.default_rng(seed).integers(0, 50, (rows, columns, 1)).astype(dtype)
    held = held_by(values)
    assert (held.low, held.high) == (values.min(), values.max())
    assert held.low <= held.dark <= held.bright <= held.high
    rare = 1 + values.size // 1000
    assert (values > held.bright).sum() <= rare
    assert ((values < held.dark) & (values != 0)).sum() <= rare
