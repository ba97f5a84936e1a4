"""A declared range holds wherever images are read; without one, dim images are told of."""

import re

import numpy as np
import pytest
from PIL import Image

from weakseg import load
from weakseg.data.images.label_file import read_labels

TWELVE = 4095
RECIPE = """
from weakseg import Augment, Fit, Folder, Phase, Recipe, SeedsOnly, UNet
recipe = Recipe(Folder({data!r}), UNet(8, 1), (Phase(Fit(SeedsOnly()), 2),), augment=Augment(crop=None))
"""


def deepen(path, most=TWELVE):
    """Saves an image of eight bits as a camera of more sees it; returns the path."""
    values = np.asarray(Image.open(path)).astype(float)
    Image.fromarray(np.round(values / 255 * most).astype(np.uint16)).save(path)
    return path


@pytest.fixture
def dim_hearts(hearts, tmp_path):
    """Hearts in twelve bits, and a recipe for them."""
    for path in (hearts / "images").iterdir():
        deepen(path)
    (tmp_path / "recipe.py").write_text(RECIPE.format(data=str(hearts)))
    return hearts


def train(weakseg, tmp_path, *more):
    """The command, on the recipe."""
    return weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu", *more)


def predict(weakseg, tmp_path, image, name):
    """The command, on the run."""
    said = weakseg("predict", tmp_path / "run", image, "--out", tmp_path / name, "--device", "cpu")
    assert said.code == 0, said.err
    return said


def test_predictions_map_as_the_training_did(weakseg, dim_hearts, tmp_path):
    """By the range that the run's record carries: twelve bits, the same in eight, and an array of the numbers."""
    (dim_hearts / "dataset.toml").write_text(f"range = [0, {TWELVE}]")
    assert train(weakseg, tmp_path).code == 0
    (dim_hearts / "dataset.toml").unlink()
    image = dim_hearts / "images" / "slice00.png"
    values = np.asarray(Image.open(image))
    eight = tmp_path / "eight.png"
    Image.fromarray(np.round(values / TWELVE * 255).astype(np.uint8)).save(eight)

    said = [predict(weakseg, tmp_path, path, "out") for path in (image, eight)]

    assert not any(each.err for each in said)
    predictor = load(tmp_path / "run")
    probabilities = predictor((values / TWELVE).astype(np.float32))
    for same in (image, values):
        np.testing.assert_allclose(predictor(same), probabilities, atol=1e-5)
    np.testing.assert_allclose(predictor(eight), probabilities, atol=2e-3)
    assert (read_labels(tmp_path / "out" / "slice00.png") == probabilities.argmax(0)).all()


def test_images_of_another_camera_are_told_of(weakseg, dim_hearts, tmp_path):
    """Where nothing of them lies within the range of the training."""
    (dim_hearts / "dataset.toml").write_text(f"range = [0, {TWELVE}]")
    assert train(weakseg, tmp_path).code == 0
    other = tmp_path / "other.png"
    Image.fromarray(np.full((64, 64), 30000, np.uint16)).save(other)

    said = predict(weakseg, tmp_path, other, "out").err

    assert f"no value of {other} lies within `range = [0, {TWELVE}]`, which the training declared" in said


def test_a_dim_training_is_told_of_and_so_are_its_predictions(weakseg, dim_hearts, tmp_path):
    """A recipe may have its reasons; the words name the line to write."""
    trained = train(weakseg, tmp_path)
    image = dim_hearts / "images" / "slice00.png"
    predicted = predict(weakseg, tmp_path, image, "out")

    for said in (trained.out, predicted.err):
        assert "of 0 to 65535 (uint16): almost one brightness" in said
        assert f"`range = [0, {TWELVE}]`" in said


def test_dim_images_for_a_bright_training_are_mended_by_the_words(weakseg, hearts, tmp_path):
    """Saved anew as they say, they give the mask of the same image in eight bits."""
    (tmp_path / "recipe.py").write_text(RECIPE.format(data=str(hearts)))
    assert train(weakseg, tmp_path).code == 0
    bright = hearts / "images" / "slice00.png"
    predict(weakseg, tmp_path, bright, "bright")
    values = np.asarray(Image.open(deepen(bright)))
    said = predict(weakseg, tmp_path, bright, "dim").err

    (advice,) = re.findall(r"convert these images to `(.*?)`", said)
    Image.fromarray(eval(advice, {"numpy": np, "values": values})).save(tmp_path / "slice00.tif")
    again = predict(weakseg, tmp_path, tmp_path / "slice00.tif", "again")

    assert not again.err
    masks = [read_labels(tmp_path / name / "slice00.png") for name in ("bright", "again")]
    assert (masks[0] == masks[1]).mean() > 0.99


def test_a_changed_range_is_other_data(weakseg, dim_hearts, tmp_path):
    """A resumed run says so, and goes on only where that is accepted."""
    (dim_hearts / "dataset.toml").write_text(f"range = [0, {TWELVE}]")
    assert train(weakseg, tmp_path).code == 0
    (dim_hearts / "dataset.toml").write_text("range = [0, 16383]")

    said = train(weakseg, tmp_path, "--resume")

    assert said.code == 2
    assert "has changed since its start" in said.err
    assert train(weakseg, tmp_path, "--resume", "--accept-changes").code == 0


def test_solve_reads_a_dim_image_once_told_how(weakseg, tmp_path):
    """The words of its warning give the mask that eight bits give; a range is two numbers in order."""
    generator = np.random.default_rng(0)
    image = np.where(np.arange(40)[None] < 20, 80, 150) + generator.normal(0, 8, (30, 40))
    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "photo.png")
    scribbles = np.full((30, 40), 255, np.uint8)
    scribbles[10:20, 5], scribbles[10:20, 34] = 0, 1
    Image.fromarray(scribbles).save(tmp_path / "drawn.png")

    def solve(name, *more):
        words = ("--scribbles", tmp_path / "drawn.png", "--out", tmp_path / name)
        return weakseg("solve", tmp_path / "photo.png", *words, *more)

    assert solve("eight.png").code == 0
    deepen(tmp_path / "photo.png")
    said = solve("dim.png")
    assert "almost one brightness" in said.err
    (advice,) = re.findall(r"--range \d+ \d+", said.err)
    assert advice == f"--range 0 {TWELVE}"

    mended = solve("mended.png", *advice.split())

    assert (mended.code, mended.err) == (0, "")
    assert (read_labels(tmp_path / "mended.png") == read_labels(tmp_path / "eight.png")).all()
    assert "the lower one first" in solve("wrong.png", "--range", 5, 1).err
    assert "no value" in solve("outside.png", "--range", -900, -100).err
