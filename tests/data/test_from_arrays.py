"""A dataset of arrays keeps what it was given, and is a dataset like any other."""

import numpy as np
import pytest
import torch
from images import Tiny, checked, tiny_recipe

from weakseg import Classes, Fit, Phase, SeedsOnly, train_recipe
from weakseg.datasets import FromArrays
from weakseg.errors import DataInvalid, EvidenceInvalid, RecipeInvalid, RunInvalid
from weakseg.types import UNLABELED
from weakseg.typing import Dataset

CLASSES = Classes(("background", "square"), background=0)
IMAGES = np.random.default_rng(0).random((4, 1, 24, 24)).astype(np.float32)
MASKS = (IMAGES[:, 0] > 0.5).astype(np.int64)
SEEDS = np.where(IMAGES[:, 0] > 0.7, MASKS, 255)


@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_it_gives_back_what_it_was_given(of):
    """Images, seeds, masks, tags and keys, in order, without 255."""
    masks, tags = MASKS.copy(), np.array([[1, 0], [1, 1], [-1, 1], [0, 1]])
    masks[0, :3] = 255
    samples = FromArrays(
        of(IMAGES), CLASSES, seeds=of(SEEDS), masks=of(masks), tags=of(tags), keys=["a", "b", "c", "d"], unlabeled=255
    )
    assert isinstance(samples, Dataset)
    assert (len(samples), samples.keys, samples.classes) == (4, ("a", "b", "c", "d"), CLASSES)
    for i, sample in enumerate(samples):  # pyright: ignore[reportArgumentType]
        valid = masks[i] != 255
        assert (sample.image == IMAGES[i]).all()
        assert (sample.valid == valid).all()
        assert (sample.seeds == np.where(valid & (SEEDS[i] != 255), SEEDS[i], UNLABELED)).all()
        assert (sample.truth == np.where(valid, masks[i], UNLABELED)).all()
        assert (sample.tags == tags[i]).all()
        assert sample.key == samples.keys[i]


def test_images_may_differ_in_size_and_masks_alone_are_seeds_too():
    """As in full supervision."""
    samples = FromArrays([IMAGES[0], IMAGES[1][:, :7]], CLASSES, masks=[MASKS[0], MASKS[1][:7]])
    assert [each.seeds.shape for each in (samples[0], samples[1])] == [(24, 24), (7, 24)]
    assert (samples[1].seeds == MASKS[1][:7]).all()


@pytest.mark.parametrize(
    ("images", "given", "word"),
    [
        ([], {}, "0 images"),
        (IMAGES, {"seeds": MASKS[:2]}, "4 images and 2 seeds"),
        (IMAGES, {"keys": ["a"]}, "and 1 keys"),
        (IMAGES, {"keys": ["a", "a", "b", "c"]}, "the same key"),
        ([IMAGES[0], IMAGES[1].repeat(3, axis=0)], {}, "number of channels"),
        (IMAGES, {"seeds": MASKS[:, :3]}, "0: seeds are"),
        (IMAGES, {"seeds": MASKS + 1}, "seeds of class 2"),
        (IMAGES * 255, {}, "0: image holds values"),
        (IMAGES[:, 0], {}, "axes"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused_by_name(images, given, word):
    """With the image's key, where it is about one image."""
    with pytest.raises((DataInvalid, EvidenceInvalid), match=word):
        FromArrays(images, CLASSES, **given)


def test_a_run_of_arrays_resumes_with_the_same_arrays_only(tmp_path):
    """The record holds their digest."""
    phases = (Phase(Fit(SeedsOnly()), epochs=1),)
    recipe = lambda arrays: tiny_recipe(training=arrays, validation=arrays, phases=phases, network=Tiny())  # noqa: E731
    arrays = FromArrays(IMAGES, CLASSES, seeds=SEEDS, masks=MASKS, unlabeled=255)
    assert train_recipe(recipe(arrays), tmp_path / "run", device="cpu").metrics[0]["mean_iou"] > 0
    again = FromArrays(IMAGES.copy(), CLASSES, seeds=SEEDS, masks=MASKS, unlabeled=255)
    train_recipe(recipe(again), tmp_path / "run", device="cpu", resume=True)
    other = FromArrays(1 - IMAGES, CLASSES, seeds=SEEDS, masks=MASKS, unlabeled=255)
    with pytest.raises(RunInvalid):
        train_recipe(recipe(other), tmp_path / "run", device="cpu", resume=True)


def test_a_dataset_of_torch_is_refused_and_the_way_is_named():
    """Its items do not say what they are."""
    theirs = torch.utils.data.TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(MASKS))
    with pytest.raises(RecipeInvalid, match="training is torch's dataset TensorDataset; give FromArrays"):
        checked(tiny_recipe(), "training", theirs)
