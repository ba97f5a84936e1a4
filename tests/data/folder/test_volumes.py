"""Names that look like slices of volumes are found, and an expression proposed that names exactly these volumes."""

import re
import shutil

import numpy as np
import pytest
from farms import MASK, SCRIBBLE, faults, remarks, save, write

from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.data.folder.volumes import proposed
from weakseg.errors import DataInvalid

SLICES = {
    "patient{v:03}_frame01_slice_{s}": (r"^patient\d+_frame\d+", r"^patient\d+"),
    "case_{v}_{s}": (r"^case_\d+", r"^case_\d+"),
    "p{v}-z{s:03}": (r"^p\d+", r"^p\d+"),
    "p{v}slice{s}": (r"^p\d+", r"^p\d+"),
    "scan 2021 {v} {s:02}": (r"^scan \d+ \d+", r"^scan \d+ \d+"),
    "mouse_{v}/im_{s}": (r"^mouse_\d+", r"^mouse_\d+"),
    "MR.{v}.{s}": (r"^MR\.\d+", r"^MR\.\d+"),
}


@pytest.mark.parametrize("form", SLICES)
def test_an_expression_names_the_volume_of_every_slice(form):
    """And another what must stay together, the patient where names tell."""
    keys = [form.format(v=v, s=s) for v in (1, 2, 13) for s in range(3, 9)]

    series = proposed(keys)

    assert (series.volume, series.group) == SLICES[form]
    for volume, members in series.volumes.items():
        assert len(members) == 6
        assert {re.search(series.volume, key)[0] for key in members} == {volume}


@pytest.mark.parametrize(
    "keys",
    [
        [f"IMG_{n:04}" for n in range(30)],
        [f"IMG_20230{d}05_{n}" for d in range(1, 5) for n in (91530, 112233, 154501)],
        [f"{n}_{c}_s" for n in range(5) for c in range(1, 9)],
        [f"siteA_{n}" for n in range(9)] + [f"siteB_{n}" for n in range(9)],
        [f"cow{n}" for n in range(9)] + [f"sheep{n}" for n in range(9)],
        ["a", "b", "c"],
        [f"p{n}" for n in range(20)],
        [f"p{n}_1" for n in range(20)],
    ],
    ids=["camera", "times", "msrc", "sites", "things", "letters", "patients", "one slice each"],
)
def test_other_names_are_left_alone(keys):
    """Numbers of images are no slices."""
    assert proposed(keys) is None


def _slices(root, splits=None):
    for number, key in enumerate(f"p{v}_{s}" for v in range(1, 5) for s in range(3)):
        save(root / "images" / f"{key}.png", np.full((12, 16, 3), 10 * number, np.uint8))
        save(root / "masks" / f"{key}.png", MASK)
        save(root / "scribbles" / f"{key}.png", SCRIBBLE)
    write(root / "classes.txt", "background", "cow", "sheep")
    for name, keys in (splits or {}).items():
        write(root / "splits" / f"{name}.txt", *keys)
    return root


def test_a_volume_is_proposed_and_takes_effect(tmp_path):
    """The line that the check writes out is one that it then accepts."""
    root = _slices(tmp_path)
    told = remarks(root)["images"]
    assert "slices of 4 volumes ('p1' has 3)" in told.found

    write(root / "dataset.toml", told.fix.split("`")[1])

    assert "splits/val.txt" not in {*remarks(root), *faults(root)}
    assert {Folder(str(root), "all")[i].volume for i in range(12)} == {"p1", "p2", "p3", "p4"}


TORN = {
    "train": ["p1_0", "p1_1", "p1_2", "p2_0", "p2_1", "p2_2", "p3_0"],
    "val": ["p3_1", "p3_2", "p4_0", "p4_1", "p4_2"],
}


def test_slices_of_one_volume_are_never_on_both_sides_in_silence(tmp_path):
    """A remark by their names, a fault where they are declared; moving them fixes it."""
    root = _slices(tmp_path, TORN)
    assert "slices of 'p3' are in train.txt too" in remarks(root)["splits/val.txt"].found

    write(root / "dataset.toml", r"volume = '^p\d+'")
    assert "slices of 'p3' are in train.txt too" in faults(root)["splits/val.txt"].found

    write(root / "splits" / "train.txt", *TORN["train"][:-1])
    write(root / "splits" / "val.txt", "p3_0", *TORN["val"])
    assert "splits/val.txt" not in {*remarks(root), *faults(root)}


def test_train_is_the_rest_where_only_validation_is_listed(sound_farm):
    """The check says so, and judges these images as training images."""
    (sound_farm / "splits" / "train.txt").unlink()
    write(sound_farm / "splits" / "test.txt", "d")

    assert "so training uses the 3 images that no other list names" in remarks(sound_farm)["splits"].found
    assert not faults(sound_farm)
    assert Folder(str(sound_farm)).keys == ("a", "b", "c")
    assert check(str(sound_farm)).statistics.counts["masks"]["train"].images == 3


def test_a_list_that_leaves_nothing_to_train_on_is_a_fault(sound_farm):
    """In the check and in a training."""
    (sound_farm / "splits" / "train.txt").unlink()
    write(sound_farm / "splits" / "val.txt", *"abcdef")

    assert "name every image" in faults(sound_farm)["splits"].found
    with pytest.raises(DataInvalid, match="name every image"):
        len(Folder(str(sound_farm)))
    shutil.rmtree(sound_farm / "splits")
    assert not faults(sound_farm)
