"""Numbers come out as they went in: predicted masks hold what the folder's own label maps hold."""

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


def folder(root, numbers, declared, names):
    """Four grey images of two stripes, whose masks hold these numbers."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    (root / "dataset.toml").write_text(f"classes = {names}\n{declared}\n")
    generator = np.random.default_rng(0)
    for index in range(4):
        left = np.arange(32)[None].repeat(32, axis=0) < 12 + index
        image = np.where(left, 40, 210) + generator.normal(0, 5, left.shape)
        Image.fromarray(image.astype(np.uint8)).save(root / "images" / f"{index}.png")
        mask = np.where(left, *numbers)
        mask = mask.astype(np.uint16) if mask.max() > 255 else mask.astype(np.uint8)
        Image.fromarray(mask).save(root / "masks" / f"{index}.png")
    return root


@pytest.mark.parametrize(
    ("numbers", "declared", "classes", "first"),
    [
        ((1, 2), "first_value = 1\nvoid = 0", 2, 1),
        ((0, 1), "", 2, 0),
        ((4, 5), "first_value = 3\nvoid = 0\nmerge = { c0 = 'c1' }", 3, 4),
        ((0, 299), "void = 65535\nunlabeled = 65535", 300, 0),
    ],
    ids=["counted from one", "counted from zero", "a class merged away", "more classes than eight bits hold"],
)
def test_masks_hold_the_folder_s_own_numbers(weakseg, tmp_path, numbers, declared, classes, first):
    """Whatever the first number is and however many classes there are."""
    names = [f"c{index}" for index in range(classes)]
    root = folder(tmp_path / "data", numbers, declared, names)
    (tmp_path / "recipe.py").write_text(RECIPE.format(data=str(root)))

    trained = weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert trained.code == 0, trained.err
    image = root / "images" / "0.png"
    said = weakseg("predict", tmp_path / "run", image, "--out", tmp_path / "out", "--device", "cpu")
    assert said.code == 0, said.err

    predictor = load(tmp_path / "run")
    assert (read_labels(tmp_path / "out" / "0.png") == first + predictor.labels(image)).all()
    predictor.predict(image).save(tmp_path / "same.png")
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "out" / "0.png").read_bytes()


def test_remembered_targets_hold_more_than_254_classes(tmp_path):
    """What a sweep writes reads back as it was found, in eight bits and in sixteen."""
    from weakseg.data.folder.folder import Folder
    from weakseg.train.targets import Targets
    from weakseg.types import UNLABELED

    for classes in (2, 255, 256, 300):
        names = [f"c{index}" for index in range(classes)]
        root = folder(tmp_path / str(classes), (0, classes - 1), "void = 65535", names)
        sample = Folder(str(root), labels=("masks",), split="all")[0]
        labels = sample.seeds.copy()
        labels[3:5] = UNLABELED
        targets = Targets(tmp_path / f"targets{classes}")
        targets.keep(sample, labels)
        assert (targets(sample) == labels).all()


def test_void_comes_out_as_the_masks_of_the_training_have_it(weakseg, tmp_path):
    """By what dataset.toml said when the run was trained: also of the images that have no data."""
    root = folder(tmp_path / "data", (1, 2), 'first_value = 1\nvoid = [0, 9]\nnodata = "transparent"', ["a", "b"])
    (tmp_path / "recipe.py").write_text(RECIPE.format(data=str(root)))
    trained = weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert trained.code == 0, trained.err
    grey = np.array(Image.open(root / "images" / "0.png"))
    opaque = np.full_like(grey, 255)
    opaque[:, 28:] = 0
    Image.fromarray(np.dstack([grey, opaque])).save(tmp_path / "new.png")

    said = weakseg("predict", tmp_path / "run", tmp_path / "new.png", "--out", tmp_path / "out", "--json")

    assert said.code == 0, said.err
    mask = read_labels(tmp_path / "out" / "new.png")
    assert ((mask == 0) == (opaque == 0)).all()
    assert json.loads(said.out)["void"] == 0
