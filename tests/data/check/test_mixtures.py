"""Whoever mixed two habits in one folder is told, and trains on the truth once the advice is followed."""

import re

import numpy as np
import PIL.Image
import pytest
from farms import KEYS, MASK, SCRIBBLE, TABLES, faults, lay_out, remarks, save, write

from weakseg.data.folder.folder import Folder
from weakseg.types import UNLABELED

OBJECT = (MASK > 0).astype(np.uint8)
STROKES = np.where(SCRIBBLE == 2, 1, SCRIBBLE)
OTHERS = KEYS[1::2]


@pytest.fixture
def farm(tmp_path):
    """Six images with masks and scribbles of two classes, and no tables."""
    root = lay_out(tmp_path)
    for table in TABLES:
        (root / table).unlink()
    write(root / "classes.txt", "background", "object")
    for key in KEYS:
        save(root / "masks" / f"{key}.png", OBJECT)
        save(root / "scribbles" / f"{key}.png", STROKES)
    return root


def declare(root, fix):
    """Writes the lines of dataset.toml that an advice gives."""
    said = re.findall(r"`([^`]+)`", fix)
    lines = [*(line for line in said if line.startswith("[")), *(line for line in said if " = " in line)]
    write(root / "dataset.toml", *lines)


def rewrite(root, folder, fix, value):
    """Runs the code that an advice gives on the files that it speaks of, with the value of a class."""
    first, second = re.findall(r"`([^`]+)`", fix)
    held = {int(number) for number in re.search(r"contains only (\d+) and (\d+)", fix).groups()}
    for file in (root / folder).iterdir():
        if {*np.unique(np.asarray(PIL.Image.open(file))).tolist()} == held:
            names = {"numpy": np, "PIL": PIL, "file": file, "VALUE": value}
            exec(f"{first}\n{second}", names)


def test_masks_of_0_and_1_beside_masks_of_0_and_255_are_told_and_read_alike(farm):
    """255 means void, so that half of the objects would not be there."""
    for key in OTHERS:
        save(farm / "masks" / f"{key}.png", OBJECT * 255)

    told = faults(farm)

    assert [*told] == ["masks"]
    assert "3 of 6 maps contain only 0 ('background') and 255 (void), b.png, d.png, f.png" in told["masks"].found
    assert "3 others show more classes and no void, a.png, c.png, e.png" in told["masks"].found
    assert told["masks"].keys == OTHERS
    declare(farm, told["masks"].fix)
    assert not faults(farm)
    assert all((sample.truth == OBJECT).all() for sample in Folder(str(farm), "all"))


def test_masks_of_0_and_255_beside_masks_of_several_classes_are_told_and_rewritten(farm):
    """Which class was meant only the annotator knows: the code takes its value."""
    write(farm / "classes.txt", "background", "cow", "sheep")
    for key in KEYS:
        save(farm / "masks" / f"{key}.png", OBJECT * 255 if key in OTHERS else MASK)
        save(farm / "scribbles" / f"{key}.png", SCRIBBLE)

    fix = faults(farm)["masks"].fix

    assert "1 for 'cow', 2 for 'sheep'" in fix
    rewrite(farm, "masks", fix, 2)
    assert not faults(farm)
    for sample in Folder(str(farm), "all"):
        assert (sample.truth == (OBJECT * 2 if sample.key in OTHERS else MASK)).all()


def test_two_such_masks_among_many_images_without_objects_may_be_true(farm):
    """Void in an image without an object is not rare where such images are not."""
    for number in range(20):
        save(farm / "images" / f"n{number}.png", np.full((12, 16, 3), 100 + number, np.uint8))
        save(farm / "masks" / f"n{number}.png", OBJECT * 255 if number < 2 else OBJECT * 0)
        save(farm / "scribbles" / f"n{number}.png", STROKES)

    assert "masks" not in faults(farm)


def void_row(array):
    """The map with a row that must not be judged."""
    array[-1] = 255
    return array


NO_MIXTURES = {
    "void beside objects": lambda i: OBJECT * 255 if i % 2 else void_row(OBJECT.copy()),
    "void beside either class": lambda i: void_row(np.full_like(OBJECT, i % 2)),
    "one mask of another habit": lambda i: OBJECT if i else OBJECT * 255,
    "no void": lambda i: OBJECT * (i % 2),
}


@pytest.mark.parametrize("case", NO_MIXTURES)
def test_void_that_is_no_object_is_left_alone(farm, case):
    """Borders that nobody judges, images of one class."""
    for number, key in enumerate(KEYS):
        save(farm / "masks" / f"{key}.png", NO_MIXTURES[case](number))
        (farm / "scribbles" / f"{key}.png").unlink()

    assert not any("255 (void)" in finding.found for finding in faults(farm).values())


def test_a_single_mask_of_another_habit_is_worth_knowing_where_all_others_show_an_object(farm):
    """It may be the only image without one."""
    for number in range(20):
        save(farm / "images" / f"n{number}.png", np.full((12, 16, 3), 100 + number, np.uint8))
        save(farm / "masks" / f"n{number}.png", OBJECT * (255 if number == 7 else 1))
        save(farm / "scribbles" / f"n{number}.png", STROKES)

    assert not faults(farm)
    assert "1 of 26 maps contain only 0 ('background') and 255 (void), n7.png" in remarks(farm)["masks"].found


def test_scribbles_on_0_where_255_is_the_object_are_told_and_rewritten(farm):
    """Read as declared, the background would be everywhere, and no object anywhere."""
    for key in OTHERS:
        save(farm / "scribbles" / f"{key}.png", np.where(STROKES == 1, 255, 0).astype(np.uint8))

    told = faults(farm)

    assert "scribbles" in told
    assert "3 of 6 maps contain only 0 ('background'), on 97% of the pixels or more" in told["scribbles"].found
    rewrite(farm, "scribbles", told["scribbles"].fix, 1)
    assert not faults(farm)
    for sample in Folder(str(farm), "all"):
        drawn = np.where(STROKES == 255, UNLABELED, STROKES.astype(int))
        assert (sample.seeds == (np.where(drawn == 1, 1, UNLABELED) if sample.key in OTHERS else drawn)).all()


def test_object_strokes_of_255_are_missed_where_masks_show_the_object(farm):
    """The strokes are lost in what is not annotated, but not that they are missing."""
    for key in OTHERS:
        save(farm / "scribbles" / f"{key}.png", np.where(STROKES == 1, 255, STROKES))

    told = faults(farm)

    assert [*told] == ["scribbles"]
    assert "3 of 6 maps label 'background' but not 'object', which their masks show" in told["scribbles"].found
    assert "if 255 was written for 'object' there" in told["scribbles"].fix
    for key in OTHERS:
        save(farm / "scribbles" / f"{key}.png", STROKES)
    assert not faults(farm)


def test_without_masks_a_missing_object_is_only_worth_knowing(farm):
    """An image may show none."""
    for key in KEYS:
        (farm / "masks" / f"{key}.png").unlink()
    for key in OTHERS:
        save(farm / "scribbles" / f"{key}.png", np.where(STROKES == 1, 255, STROKES))

    assert "scribbles" not in faults(farm)
    assert "b.png, d.png, f.png" in remarks(farm)["scribbles"].found
