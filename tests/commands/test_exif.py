"""`exif = "ignore"` holds for everything that reads a photo: training, prediction, resuming, solving."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg import load
from weakseg.data.images.label_file import read_labels

RECIPE = """
from weakseg import Augment, Fit, Folder, Phase, Recipe, SeedsOnly, UNet
data = Folder({data!r}, "all", labels=("masks",))
recipe = Recipe(data, UNet(8, 1), (Phase(Fit(SeedsOnly()), 1),), augment=Augment(crop=None))
"""
STORED = np.full((32, 48), 40, np.uint8)
STORED[:, 30:] = 210
"""Dark on the left, as the file holds it."""


def photo(path, orientation):
    """A file of it that viewers turn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(STORED).save(path, exif=exif)
    return path


@pytest.fixture
def folder(tmp_path):
    """Four photos with masks drawn on what is stored."""
    root = tmp_path / "data"
    (root / "masks").mkdir(parents=True)
    (root / "dataset.toml").write_text('classes = ["dark", "bright"]\nexif = "ignore"\n')
    for index in range(4):
        photo(root / "images" / f"{index}.png", 6)
        Image.fromarray((STORED > 100).astype(np.uint8)).save(root / "masks" / f"{index}.png")
    (tmp_path / "recipe.py").write_text(RECIPE.format(data=str(root)))
    return root


def test_a_network_sees_photos_as_those_of_its_training_were_read(weakseg, tmp_path, folder):
    """In `predict` and in Python; its record says so, wherever the data went."""
    trained = weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert trained.code == 0, trained.err
    folder.rename(tmp_path / "elsewhere")
    image = tmp_path / "elsewhere" / "images" / "0.png"

    said = weakseg("predict", tmp_path / "run", image, "--out", tmp_path / "out", "--device", "cpu")

    assert said.code == 0, said.err
    prediction = load(tmp_path / "run").predict(image)
    assert np.array_equal(np.round(prediction.image[0] * 255), STORED)
    assert np.array_equal(read_labels(tmp_path / "out" / "0.png"), prediction.labels)


def test_a_run_whose_photos_are_read_otherwise_now_is_of_other_data(weakseg, tmp_path, folder):
    """So that it is not resumed unawares."""
    for path in (folder / "images").iterdir():
        photo(path, 3)  # the masks fit either way
    train = ("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert weakseg(*train).code == 0
    assert weakseg(*train, "--resume").code == 0
    (folder / "dataset.toml").write_text('classes = ["dark", "bright"]\n')

    said = weakseg(*train, "--resume")

    assert said.code != 0
    assert "has changed since it" in said.err


def scribbled(path):
    """A line on each half of what is stored."""
    drawn = np.full(STORED.shape, 255, np.uint8)
    drawn[8:12, 5], drawn[8:12, 44] = 0, 1
    Image.fromarray(drawn).save(path)
    return path


@pytest.mark.parametrize("orientation", [3, 6])
def test_solve_reads_a_photo_as_it_is_stored_where_it_is_told_to(weakseg, tmp_path, orientation):
    """Without, it says what it did, or refuses where the sizes show it; that names the option."""
    image, drawn = photo(tmp_path / "photo.png", orientation), scribbled(tmp_path / "drawn.png")
    solve = ("solve", image, "--scribbles", drawn, "--out")

    said = weakseg(*solve, tmp_path / "turned.png")
    assert said.code == (0 if orientation == 3 else 2)
    assert f"EXIF orientation {orientation}" in said.out + said.err
    assert "--ignore-exif" in said.out + said.err
    said = weakseg(*solve, tmp_path / "stored.png", "--ignore-exif")

    assert said.code == 0, said.err
    assert "EXIF" not in said.out + said.err
    assert np.array_equal(read_labels(tmp_path / "stored.png"), STORED > 100)


def test_solve_tells_scripts_that_a_photo_was_turned(weakseg, tmp_path):
    """Where it is in the way of nobody who reads the numbers."""
    image, drawn = photo(tmp_path / "photo.png", 3), scribbled(tmp_path / "drawn.png")

    said = weakseg("solve", image, "--scribbles", drawn, "--json", "--out", tmp_path / "mask.png")

    assert json.loads(said.out)["labels"] == [0, 1]
    assert "--ignore-exif" in said.err
