"""What a check finds only when it sees all images together."""

import shutil

import numpy as np
import pytest
from farms import KEYS, TABLES, faults, remarks, repaint, save, write


def each_map(folder, change):
    """Changes all label maps of a folder."""
    for path in folder.iterdir():
        repaint(path, change)


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (lambda a: np.where(a == 255, 0, a + 1), "`unlabeled = 0` and `first_value = 1`"),
        (lambda a: np.where(a == 255, 3, a), "if 3 means no class, set `unlabeled = 3`"),
        (lambda a: np.where(a == 255, 255, 100 * a), "`values = [0, 100, 200]`"),
        (lambda a: np.arange(192).reshape(12, 16), "hard pen"),
    ],
    ids=["napari", "nnU-Net", "grey levels", "blended edges"],
)
def test_undeclared_values_are_explained_by_habits_of_other_programs(sound_farm, change, fix):
    """Each of the maps is named, with what the values look like."""
    each_map(sound_farm / "scribbles", change)

    told = faults(sound_farm)

    assert set(told) == {f"scribbles/{key}.png" for key in KEYS}
    assert all(fix in finding.fix for finding in told.values())


def test_scribbles_that_leave_nothing_out_are_refused(sound_farm):
    """0 for "not annotated" is also the background's value, so nothing is undeclared."""
    for name in TABLES:
        (sound_farm / name).unlink()
    each_map(sound_farm / "scribbles", lambda a: np.where(a == 255, 0, a))

    told = faults(sound_farm)

    assert list(told) == ["scribbles"]
    assert "97% of them as 'background' (value 0)" in told["scribbles"].found
    assert "set `unlabeled = 0`" in told["scribbles"].fix
    write(sound_farm / "dataset.toml", "unlabeled = 0")
    assert [finding.found for finding in faults(sound_farm).values()] == [
        "no training label shows 'background', so it would never be predicted"
    ]


def test_binary_masks_whose_object_is_void_are_refused(sound_farm):
    """ImageJ writes 255 for the object."""
    each_map(sound_farm / "masks", lambda a: np.where(a == 0, 0, 255))

    told = faults(sound_farm)

    assert "'background' and nothing else" in told["masks"].found
    assert "ImageJ" in told["masks"].fix


def test_a_duplicate_across_splits_is_told_as_such(sound_farm):
    """Judging by an image that was learnt from is worse than learning it twice."""
    shutil.copy(sound_farm / "images" / "f.png", sound_farm / "images" / "b.png")

    told = faults(sound_farm)

    assert list(told) == ["images/b.png"]
    assert "the same pixels are in f.png; one is in train.txt and one in val.txt" in told["images/b.png"].found


def test_some_splits_may_share_images(sound_farm):
    """Their names tell: all and trainval hold others, train_small is a part."""
    write(sound_farm / "splits" / "all.txt", *KEYS)
    write(sound_farm / "splits" / "trainval.txt", *KEYS)
    write(sound_farm / "splits" / "train_small.txt", "a")

    assert not faults(sound_farm)


@pytest.mark.parametrize(("split", "fault"), [("train", True), ("val", True), ("test", False)])
def test_a_split_without_any_label_is_for_tests_only(sound_farm, split, fault):
    """Nobody can learn from it, nor be judged by it."""
    save(sound_farm / "images" / "g.png", np.full((12, 16, 3), 200, np.uint8))
    write(sound_farm / "splits" / f"{split}.txt", "g")

    told = (faults if fault else remarks)(sound_farm)[f"splits/{split}.txt"]

    assert f"none of the 1 images in '{split}' has a label" in told.found
    assert "scribbles" in told.fix


def test_masks_that_only_judge_contradict_nothing(sound_farm):
    """Tags are held against a mask only where it is a training label."""
    shutil.rmtree(sound_farm / "scribbles")
    for name in ("boxes.csv", "clicks.csv", "sizes.csv"):
        (sound_farm / name).unlink()
    write(sound_farm / "tags.csv", "image,present,absent", "a,,cow")

    assert not faults(sound_farm)
    write(sound_farm / "dataset.toml", 'fully_labelled = ["a"]')
    assert "tags.csv says it is absent" in faults(sound_farm)["masks/a.png"].found
