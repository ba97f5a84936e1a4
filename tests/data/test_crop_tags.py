"""Tags of crops are read off the mask that the crop shows, and say so by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from images import Squares

from weakseg import Augment
from weakseg.constraints import TaggedClassesPresent
from weakseg.errors import DataInvalid
from weakseg.papers import CropTagsFromTruth
from weakseg.types import ABSENT, PRESENT, UNLABELED

CORNER = Augment(crop=(6, 6), zoom=(0.7, 1.5))
UNMARKED = {"seeds": np.full((24, 24), UNLABELED), "tags": np.array([-1, -1])}


@pytest.mark.parametrize("seed", range(12))
def test_a_crop_is_tagged_with_what_its_mask_shows(seed):
    """Whatever the tags of the image say, seeds drawn from the mask and seen through the same view agree."""
    sample = Squares()[seed]
    shown = CORNER(sample, np.random.default_rng(seed)).weak.seeds

    tags = CropTagsFromTruth(CORNER)(replace(sample, **UNMARKED), np.random.default_rng(seed)).weak.tags

    assert tags.tolist() == [[PRESENT if (shown == k).any() else ABSENT for k in range(2)]]


def test_both_kinds_of_crop_occur():
    """With a square and without."""
    views = [CropTagsFromTruth(CORNER)(Squares()[0], np.random.default_rng(seed)) for seed in range(20)]

    assert {view.weak.tags[0, 1].item() for view in views} == {PRESENT, ABSENT}


def test_the_image_and_the_marks_are_those_of_the_augmentation():
    """Only what is said about the whole changes."""
    plain, tagged = (cut(Squares()[3], np.random.default_rng(5)) for cut in (CORNER, CropTagsFromTruth(CORNER)))

    assert torch.equal(plain.image, tagged.image)
    assert torch.equal(plain.weak.seeds, tagged.weak.seeds)


def test_a_tagged_crop_is_a_whole_image():
    """So the share that a tag demands is one of the crop; sizes of the image are not held against it."""
    sample = replace(Squares()[0], areas=np.array([[0.0, 1.0], [0.2, 0.3]]))
    weak = CropTagsFromTruth(CORNER)(sample, np.random.default_rng(1)).weak

    assert weak.visible_share.tolist() == [1.0]
    assert weak.areas.tolist() == [[[0, 1], [0, 1]]]
    rows = TaggedClassesPresent(0.25).rows(weak, (6, 6))[0]
    assert rows.bounds.tolist() == [pytest.approx(0.25 * 36)] * int((weak.tags == PRESENT).sum())


def test_a_image_without_a_mask_is_refused():
    """Its key is named."""
    with pytest.raises(DataInvalid, match="'squares0' has no mask to compute the tags of a crop from"):
        CropTagsFromTruth()(replace(Squares()[0], truth=None), np.random.default_rng(0))
