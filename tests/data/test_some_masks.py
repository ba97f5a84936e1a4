"""A few full masks among many cheap labels."""

import numpy as np
import pytest

from weakseg.data.scenes import Scenes
from weakseg.data.simulate.annotators import Simulated, Tags
from weakseg.data.some_masks import SomeMasks
from weakseg.errors import RecipeInvalid
from weakseg.types import ABSENT, UNLABELED, UNTOLD

TAGGED = Simulated(Scenes(count=24, seed=3), (Tags(),))


def classes_of(index):
    """The classes in an image's mask."""
    truth = TAGGED[index].truth
    return {*np.unique(truth[truth != UNLABELED]).tolist()}


def test_masks_are_seeds_and_other_images_keep_their_labels():
    """Nothing of a mask leaks into an image that does not show it."""
    mixed = SomeMasks(TAGGED, per_class=1)

    for index in range(len(mixed)):
        sample = mixed[index]
        if index in mixed.shown:
            assert (sample.seeds == sample.truth).all()
        else:
            assert (sample.seeds == UNLABELED).all()
            assert (sample.tags == TAGGED[index].tags).all()
    assert 0 < len(mixed.shown) < len(mixed)


def test_a_image_counts_for_its_rarest_class():
    """So that no class is served by an image chosen for a commoner one."""
    mixed, count = SomeMasks(TAGGED, per_class=2), np.zeros(len(TAGGED.classes), int)
    images = {label: sum(label in classes_of(i) for i in range(len(TAGGED))) for label in range(len(count))}

    for index in mixed.shown:
        count[min(classes_of(index), key=lambda label: (images[label], label))] += 1

    assert (count <= 2).all()


def test_more_masks_hold_fewer():
    """The curve over the number of masks compares nested sets, under every seed."""
    for seed in (0, 5):
        few, more = SomeMasks(TAGGED, 1, seed), SomeMasks(TAGGED, 3, seed)
        assert few.shown < more.shown


def test_none_and_all():
    """The ends of the curve: only cheap labels, only masks."""
    assert not SomeMasks(TAGGED, 0).shown
    assert len(SomeMasks(TAGGED, len(TAGGED)).shown) == len(TAGGED)


def test_tags_of_a_masked_image_follow_from_its_mask():
    """Classes that are not in an image's mask are nobody's claim: the mask says all."""
    mixed = SomeMasks(TAGGED, per_class=1)
    tags = mixed[min(mixed.shown)].tags

    assert ABSENT not in tags
    assert {*np.flatnonzero(tags != UNTOLD).tolist()} == classes_of(min(mixed.shown))


def test_a_negative_number_is_refused():
    """At once."""
    with pytest.raises(RecipeInvalid, match="-1 masks"):
        SomeMasks(TAGGED, -1)
