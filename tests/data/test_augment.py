"""Random views: within the image, within their ranges, and the same again from the same generator."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.augment import Augment
from weakseg.data.sample import Stroke
from weakseg.errors import RecipeInvalid
from weakseg.types import UNLABELED

PLAIN = Augment(crop=None, zoom=(1.0, 1.0), flip=0.0, brightness=0.0, contrast=0.0)
SEEDS = st.integers(0, 10**6)


def cut(augment, sample, seed, **more):
    """One view from a generator of its own."""
    return augment(sample, np.random.default_rng(seed), **more)


def test_the_same_generator_gives_the_same_view(rectangle_sample):
    """An epoch can be replayed exactly, and another seed gives another view."""
    sample, augment = rectangle_sample(), Augment(crop=(24, 24), gamma=0.2, centre_on_labels=0.5)

    first, again, other = (cut(augment, sample, seed) for seed in (5, 5, 6))

    assert torch.equal(first.image, again.image)
    assert torch.equal(first.weak.window, again.weak.window)
    assert not torch.equal(first.weak.window, other.weak.window)


def test_nothing_is_left_to_chance_when_every_range_is_empty(rectangle_sample):
    """No crop, no zoom, no flip and no change of light show the image as it is."""
    sample = rectangle_sample()

    batch = cut(PLAIN, sample, 0)

    torch.testing.assert_close(batch.image[0], torch.from_numpy(sample.image), atol=1e-5, rtol=0)
    assert (batch.weak.seeds[0].numpy() == sample.seeds).all()


def test_a_certain_flip_mirrors_left_and_right(rectangle_sample):
    """Columns are reversed, rows are not."""
    sample = rectangle_sample()

    batch = cut(replace(PLAIN, flip=1.0), sample, 0)

    assert (batch.weak.seeds[0].numpy() == sample.seeds[:, ::-1]).all()


@given(SEEDS)
def test_labels_follow_the_image_in_every_view(rectangle_sample, seed):
    """The rectangle in the image, its mask and its box agree after any crop, zoom and flip."""
    augment = Augment(crop=(24, 32), zoom=(0.5, 2.0), brightness=0.0, contrast=0.0, centre_on_labels=0.5)

    batch = cut(augment, rectangle_sample(), seed)

    _, top, left, bottom, right = batch.weak.boxes[0][0].double().tolist()
    row, column = np.indices((24, 32))
    margins = np.stack([row - top, bottom - 1 - row, column - left, right - 1 - column]).min(0) + 0.5
    seeds, seen = batch.weak.seeds[0].numpy(), batch.weak.valid[0].numpy()
    # A hair's breadth from the edge, single precision may decide either way.
    assert (seeds[margins > 1e-3] == 1).all()
    assert (seeds[margins < -1e-3] == UNLABELED).all()
    assert (batch.image[0, 0].numpy()[seen & (margins > 1e-3)] >= 0.25 - 1e-3).all()
    assert (batch.image[0, 0].numpy()[seen & (margins < -1e-3)] <= 0.5 + 1e-3).all()


@given(SEEDS)
def test_a_crop_stays_within_the_image(rectangle_sample, seed):
    """Where the zoomed image is at least as large as the crop, there is no padding."""
    augment = Augment(crop=(24, 32), zoom=(0.75, 1.5), centre_on_labels=0.5)

    assert cut(augment, rectangle_sample(), seed).weak.valid.all()


@given(SEEDS)
def test_a_crop_that_is_larger_shows_the_whole_image(rectangle_sample, seed):
    """A small image is padded, never cut."""
    batch = cut(Augment(crop=(96, 96), zoom=(1.0, 1.5)), rectangle_sample(), seed)

    assert batch.image.shape[2:] == (96, 96)
    assert batch.weak.visible_share.item() == pytest.approx(1, abs=0.03)


@given(SEEDS)
def test_without_a_crop_the_whole_image_is_shown(rectangle_sample, seed):
    """At any zoom: image-level labels stay true, and no pixel is padding."""
    batch = cut(Augment(crop=None, zoom=(0.5, 2.0)), rectangle_sample(), seed)

    assert batch.weak.valid.all()
    assert batch.weak.visible_share.item() == pytest.approx(1, abs=1e-5)
    assert 0.5 * 40 - 1 <= batch.image.shape[2] <= 2 * 40 + 1


def test_zooms_spread_evenly_over_their_range(rectangle_sample):
    """As many images are shrunk as enlarged when the range is even in the logarithm."""
    sample, augment = rectangle_sample(), Augment(crop=(8, 8), zoom=(0.5, 2.0))

    zooms = [1 / cut(augment, sample, seed).weak.window[0, 0, 0].item() for seed in range(200)]

    assert 0.5 <= min(zooms) < 0.6
    assert 1.7 < max(zooms) <= 2.0
    assert 0.35 < np.mean(np.array(zooms) < 1) < 0.65


def test_a_crop_centred_on_labels_shows_some_and_rare_classes_as_often(rectangle_sample):
    """One click of a class counts as much as a thousand marked pixels of another."""
    click = Stroke(2, np.array([[3.0, 50.0]]), 1.0)
    sample, augment = rectangle_sample(strokes=(click,)), Augment(crop=(9, 9), zoom=(1.0, 1.0), centre_on_labels=1.0)

    views = [cut(augment, sample, seed).weak.seeds for seed in range(200)]

    assert all((seeds != UNLABELED).any() for seeds in views)
    assert 0.35 < np.mean([bool((seeds == 2).any()) for seeds in views]) < 0.65


def test_a_image_without_labels_is_cropped_anywhere(rectangle_sample):
    """Centring on labels asks for none."""
    sample = rectangle_sample()
    sample = replace(sample, seeds=np.full_like(sample.seeds, UNLABELED))

    assert cut(Augment(crop=(9, 9), centre_on_labels=1.0), sample, 0).weak.valid.shape == (1, 9, 9)


@given(SEEDS)
def test_light_changes_the_image_only_and_stays_in_range(rectangle_sample, seed):
    """Values remain in [0, 1]; labels are those of the unlit view."""
    bright = Augment(crop=(24, 24), brightness=0.8, contrast=0.9, gamma=1.0)

    lit = cut(bright, rectangle_sample(), seed)
    unlit = cut(replace(bright, brightness=0.0, contrast=0.0, gamma=0.0), rectangle_sample(), seed)

    assert lit.image.min() >= 0
    assert lit.image.max() <= 1
    assert torch.equal(lit.weak.seeds, unlit.weak.seeds)
    assert not torch.equal(lit.image, unlit.image)


def test_what_was_remembered_moves_with_the_image(rectangle_sample):
    """A hidden segmentation is carried like any label map."""
    sample = rectangle_sample()

    batch = cut(Augment(crop=(24, 24)), sample, 3, remembered=sample.seeds)

    assert batch.targets is not None
    assert torch.equal(batch.targets, batch.weak.seeds)


@pytest.mark.parametrize(
    ("name", "value"),
    [("crop", 64), ("crop", (0, 64)), ("crop", (64.0, 64)), ("zoom", (0, 1)), ("zoom", 2.0), ("zoom", (2.0, 1.0))],
)
def test_impossible_views_are_refused_at_once(name, value):
    """One number for a crop, sizes of nothing, a zoom to zero."""
    augment = Augment()
    # Types are checked in tests, and are not where a user runs it.
    object.__setattr__(augment, name, value)

    with pytest.raises(RecipeInvalid, match=name):
        augment.__post_init__()
