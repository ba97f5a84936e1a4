"""Subfolders are read where `dataset.toml` says so, and keys that are paths work wherever a file is named after one."""

import numpy as np
import pytest
from farms import KEYS, TABLES, faults, write

from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.data.simulate.annotators import Clicks, Scribbles, Simulated
from weakseg.data.simulate.files import write_simulated
from weakseg.errors import DataInvalid
from weakseg.recipe.default import choose
from weakseg.train.targets import Targets


def _nest(root, folders=("images", "masks", "scribbles")):
    """The first three images into siteA/, the others into siteB/scans/; returns the new keys."""
    keys = {key: f"siteA/{key}" if key in "abc" else f"siteB/scans/{key}" for key in KEYS}
    for folder in folders:
        for key, path in keys.items():
            (root / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (root / folder / f"{key}.png").rename(root / folder / f"{path}.png")
    return keys


@pytest.fixture
def nested_farm(sound_farm):
    """A folder whose images and labels lie in subfolders, named by path in lists and tables."""
    keys = _nest(sound_farm)
    write(sound_farm / "dataset.toml", "nested = true")
    write(sound_farm / "splits" / "train.txt", *(keys[key] for key in KEYS[:4]))
    write(sound_farm / "splits" / "val.txt", *(f"{keys[key]}.png" for key in KEYS[4:]))
    for name, (header, row) in TABLES.items():
        write(sound_farm / name, header, *(row.format(path) for path in keys.values()))
    return sound_farm


def test_subfolders_are_read_where_the_declaration_says_so(nested_farm):
    """Images, label maps, lists and tables."""
    checked = check(str(nested_farm))

    assert not checked.findings
    sample = Folder(str(nested_farm))[3]
    assert sample.key == "siteB/scans/d"
    assert (sample.seeds == 1).sum() == 4
    assert len(sample.boxes) == len(sample.strokes) == 1


def test_the_advice_to_read_subfolders_is_right(sound_farm):
    """From the message of a check, and of a training, to a folder in which nothing is wrong."""
    (sound_farm / "splits" / "train.txt").unlink()
    (sound_farm / "splits" / "val.txt").unlink()
    _nest(sound_farm)
    for name in TABLES:
        (sound_farm / name).unlink()
    assert "nested = true" in next(f.fix for f in check(str(sound_farm)).findings if "siteA/" in f.found)
    with pytest.raises(DataInvalid, match="put the images there; if they are in subfolders, write `nested = true`"):
        choose(str(sound_farm), "unet")

    write(sound_farm / "dataset.toml", "nested = true")

    assert not check(str(sound_farm)).refused
    recipe = choose(str(sound_farm), "unet")
    assert {*recipe.training.keys, *recipe.validation.keys} == {f"siteA/{k}" for k in "abc"} | {
        f"siteB/scans/{k}" for k in "def"
    }


def test_paths_may_be_written_as_windows_writes_them(nested_farm):
    """With backslashes."""
    write(nested_farm / "splits" / "train.txt", *(rf"siteA\{key}" for key in "abc"), r"siteB\scans\d.png")

    assert not faults(nested_farm)
    assert Folder(str(nested_farm)).keys[0] == "siteA/a"


def test_linked_folders_are_read_and_loops_are_walked_once(nested_farm):
    """However links lead round in a circle."""
    (nested_farm / "images" / "siteA" / "round").symlink_to(nested_farm / "images")
    (nested_farm / "images" / "siteB").rename(nested_farm / "elsewhere")
    (nested_farm / "images" / "siteB").symlink_to(nested_farm / "elsewhere")

    assert len(Folder(str(nested_farm), "all")) == 6


def test_a_map_in_another_folder_belongs_to_no_image(nested_farm):
    """Names alone are not enough."""
    (nested_farm / "masks" / "siteB" / "scans" / "d.png").rename(nested_farm / "masks" / "siteA" / "d.png")

    assert "no image" in faults(nested_farm)["masks/siteA/d.png"].found


def test_targets_and_simulated_labels_of_such_keys_are_written_and_read(nested_farm, tmp_path):
    """In folders of the same names."""
    folder, targets = Folder(str(nested_farm)), Targets(tmp_path / "targets")
    found = np.full(folder[3].valid.shape, 2)
    targets.keep(folder[3], found)
    np.testing.assert_array_equal(targets(folder[3]), found)

    kinds = (Scribbles(), Clicks())
    places = write_simulated(folder, kinds, 1, tmp_path / "simulated")

    read = Folder(str(nested_farm), labels=tuple(map(str, places)))
    for index in range(4):
        np.testing.assert_array_equal(read[index].seeds, Simulated(folder, kinds, 1)[index].seeds)


@pytest.mark.parametrize("value", ["1", '"true"', "[true]"])
def test_nested_is_true_or_false(sound_farm, value):
    """Nothing else."""
    write(sound_farm / "dataset.toml", f"nested = {value}")

    assert "true or false" in faults(sound_farm)["dataset.toml"].expected
    write(sound_farm / "dataset.toml", "nested = false")
    assert not faults(sound_farm)
