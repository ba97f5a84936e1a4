"""The recipe that is chosen for a data folder judges by masks that are there, and by volumes it did not see."""

import numpy as np
import pytest
from PIL import Image

from weakseg.data.fold import Fold
from weakseg.errors import DataInvalid
from weakseg.train.default import choose


def _folder(root, keys, masked):
    for name in ("images", "scribbles", "masks"):
        (root / name).mkdir(parents=True)
    (root / "classes.txt").write_text("background\nheart\n")
    marks = np.full((40, 48), 255, np.uint8)
    marks[5:9, 5:20], marks[20:24, 5:20] = 0, 1
    for number, key in enumerate(keys):
        Image.fromarray(np.full((40, 48), number, np.uint8)).save(root / "images" / f"{key}.png")
        Image.fromarray(marks).save(root / "scribbles" / f"{key}.png")
    for key in masked:
        Image.fromarray((marks == 1).astype(np.uint8)).save(root / "masks" / f"{key}.png")
    return str(root)


def test_three_pictures_with_masks_are_enough(tmp_path):
    """One of them judges what the others teach."""
    recipe = choose(_folder(tmp_path / "few", "abc", "abc"), "unet")

    assert (len(recipe.training), len(recipe.validation)) == (2, 1)


def test_slices_of_a_volume_stay_together(tmp_path):
    """A network is not judged by its neighbours' slices."""
    keys = [f"patient{p}_slice{s}" for p in range(6) for s in range(3)]
    data = _folder(tmp_path / "slices", keys, keys)
    (tmp_path / "slices" / "dataset.toml").write_text("volume = 'patient[0-9]+'")

    recipe = choose(data, "unet")

    assert isinstance(recipe.validation, Fold)
    learnt, judged = ({key[:8] for key in part.keys} for part in (recipe.training, recipe.validation))
    assert learnt.isdisjoint(judged)
    assert (len(learnt), len(judged)) == (4, 2)


@pytest.mark.parametrize(
    ("masked", "splits", "found"),
    [
        ("ab", {}, "have no mask"),
        ("ab", {"train": "abcd", "val": "ef"}, "2 of the 2 pictures to judge by have no mask"),
        ("ab", {"val": "ab"}, "no train.txt"),
    ],
    ids=["a few masks and no splits", "masks of others", "a split forgotten"],
)
def test_pictures_that_cannot_judge_are_named_before_the_training(tmp_path, masked, splits, found):
    """Not at the first validation, epochs later."""
    data = _folder(tmp_path / "data", "abcdef", masked)
    (tmp_path / "data" / "splits").mkdir()
    for name, keys in splits.items():
        (tmp_path / "data" / "splits" / f"{name}.txt").write_text("\n".join(keys))

    with pytest.raises(DataInvalid, match=found):
        choose(data, "unet")
