"""Whoever follows the advice of a check trains on the truth: each test does what the message says, to the letter."""

import re

import numpy as np
import pytest
import tifffile
from farms import MASK, NAMES, SCRIBBLE, faults, lay_out, write
from PIL import Image

from weakseg.data.folder.folder import Folder
from weakseg.types import UNLABELED

CELLS = np.zeros((12, 16), np.int32)
CELLS[1:5, 1:5], CELLS[6:11, 1:6], CELLS[2:6, 8:12], CELLS[8:11, 9:15] = 1, 2, 3, 4


@pytest.fixture
def farm(tmp_path):
    """A folder of images with nothing but masks and scribbles."""
    root = lay_out(tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    return root


def spread(array, **becomes):
    """The map with other values: `_255=0` makes 0 of 255."""
    return np.select([array == int(old[1:]) for old in becomes], [*becomes.values()], array)


def rewrite(folder, change):
    """Changes all maps of a folder and saves them as TIFF, which holds any whole number."""
    for path in sorted(folder.iterdir()):
        values = change(np.asarray(Image.open(path)).astype(np.int32), path.stem)
        path.unlink()
        tifffile.imwrite(path.with_suffix(".tif"), values.astype(np.int32))


def follow(root, fix):
    """Writes what the first alternative of an advice says to dataset.toml, where it says it."""
    said = fix.split("; ")[0]
    lines = [line for line in re.findall(r"`([^`]+)`", said) if " = " in line]
    table = re.search(r"`(\[\w+\])`", said)
    path = root / "dataset.toml"
    before = path.read_text() if path.exists() else ""
    text = "\n".join([*([table[1]] if table else []), *lines])
    path.write_text(f"{before}\n{text}\n" if table else f"{text}\n{before}")


OF_MASKS = {
    "a gap, as in BraTS": (lambda a, key: spread(a, _2=4), None),
    "a gap in the middle, as in KiTS": (lambda a, key: spread(a, _1=3, _2=5), None),
    "grey values to be seen": (lambda a, key: spread(a, _1=100, _2=200), None),
    "grey values up to 255": (lambda a, key: spread(a, _1=127, _2=255), None),
    "a gap, and one image without the last class": (lambda a, key: spread(a, _2=0 if key == "a" else 4), "a"),
    "-1 where nothing is to be judged": (lambda a, key: void(a, -1), None),
    "-1 and 255": (lambda a, key: void(a, -1 if key in "abc" else 255), None),
    "two values to be ignored": (lambda a, key: void(void(a, 3), 4, row=2), None),
    "ignored values far above": (lambda a, key: void(void(a, 40), 41, row=2), None),
    "classes from 1, 0 is void": (lambda a, key: void(a, -1) + 1, None),
}


def void(array, value, row=0):
    """The map with one row that must not be judged."""
    array[row] = value
    return array


@pytest.mark.parametrize("case", OF_MASKS)
def test_masks_of_other_habits_mean_the_same_once_the_advice_is_followed(farm, case):
    """Every pixel is the class it was, or void where it was to be ignored."""
    change, without = OF_MASKS[case]
    rewrite(farm / "masks", change)
    told = faults(farm)
    assert told
    assert all(name.startswith("masks/") for name in told)

    follow(farm, next(iter(told.values())).fix)

    assert not faults(farm)
    for sample in Folder(str(farm), "all"):
        mask = np.where(MASK == 2, 0, MASK) if sample.key == without else MASK
        assert (sample.truth == mask)[3:].all()
        assert ((sample.truth == mask) | (sample.truth == UNLABELED)).all()


OF_SCRIBBLES = {
    "napari, classes from 1": lambda a: spread(a, _255=0, _0=1, _1=2, _2=3),
    "nnU-Net, the highest value": lambda a: spread(a, _255=3),
    "strokes in black and white on grey": lambda a: spread(a, _255=7, _0=128, _1=200, _2=255),
    "0 undrawn, grey strokes": lambda a: spread(a, _255=0, _0=85, _1=170, _2=255),
    "-1 undrawn": lambda a: spread(a, _255=-1),
    "a gap": lambda a: spread(a, _2=4),
}


@pytest.mark.parametrize("case", OF_SCRIBBLES)
def test_scribbles_of_other_habits_mean_the_same_once_the_advice_is_followed(farm, case):
    """And the masks beside them keep their own numbers."""
    rewrite(farm / "scribbles", lambda a, key: OF_SCRIBBLES[case](a))
    told = faults(farm)
    assert len(told) == 6

    follow(farm, next(iter(told.values())).fix)

    assert not faults(farm)
    for sample in Folder(str(farm), "all"):
        assert (sample.seeds == spread(SCRIBBLE.astype(int), _255=UNLABELED)).all()
        assert (sample.truth == MASK).all()


@pytest.mark.parametrize("most", [4, 30, 300])
def test_numbered_objects_become_the_class_they_are_of(farm, most):
    """Few or many of them, and one numbered 255 too."""
    write(farm / "classes.txt", "background", "cell")
    for path in (farm / "scribbles").iterdir():
        path.unlink()
    step = most // 4
    rewrite(farm / "masks", lambda a, key: np.where(CELLS, CELLS * step - (ord(key) - 97) % step, 0))
    if most == 300:
        tifffile.imwrite(farm / "masks" / "a.tif", np.where(CELLS, CELLS + 252, 0))
    told = faults(farm)

    fix = next(iter(told.values())).fix
    follow(farm, next(part for part in fix.split("; ") if "instances" in part))

    assert not faults(farm)
    for sample in Folder(str(farm), "all"):
        assert (sample.truth == (CELLS > 0)).all()


def test_binary_masks_whose_object_is_void_become_two_classes(farm):
    """0 and 255, as ImageJ writes them."""
    write(farm / "classes.txt", "background", "object")
    for path in (farm / "scribbles").iterdir():
        path.unlink()
    rewrite(farm / "masks", lambda a, key: np.where(a, 255, 0))

    follow(farm, faults(farm)["masks"].fix)

    assert not faults(farm)
    assert (Folder(str(farm), "all")[0].truth == (MASK > 0)).all()


def test_advice_names_no_key_that_is_refused(farm):
    """Values beyond what can be declared are to be saved anew."""
    rewrite(farm / "masks", lambda a, key: void(a, -(2**31)))

    (fix,) = {finding.fix for finding in faults(farm).values()}

    assert "labels[labels == -2147483648] = 255" in fix
    assert len(NAMES) == 3


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_maps_drawn_on_the_raw_photo_are_turned_as_the_photo_is(farm, orientation):
    """By the code that the message gives for this orientation; then labels and image agree pixel by pixel."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for key in "abcdef":
        grey = Image.fromarray(MASK * 100 + 10 * (ord(key) - 97))
        grey.save(farm / "images" / f"{key}.png", exif=exif)
    told = faults(farm)
    assert len(told) == 12

    for name, finding in told.items():
        assert "do not resize" in finding.fix
        turn = re.search(rf"(\w+) for (?:orientation )?{orientation}\b", finding.fix)[1]
        with Image.open(farm / name) as labels:
            labels.transpose(getattr(Image.Transpose, turn)).save(farm / name)

    assert not faults(farm)
    for number, sample in enumerate(Folder(str(farm), "all")):
        assert (np.round(sample.image[0] * 255) == sample.truth * 100 + 10 * number).all()
