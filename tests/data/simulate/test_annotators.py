"""Promises of simulated weak labels."""

import os
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.sample import Dataset, Sample
from weakseg.data.simulate.annotators import (
    MAX_SHARE,
    Boxes,
    Clicks,
    IntervalSizes,
    OneBitSizes,
    Scribbles,
    Simulated,
    Tags,
)
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Classes

CLASSES = Classes(("background", "dog", "cat", "cow"), background=0)
ALL_KINDS = (Scribbles(0.5), Clicks(), Boxes(), Tags(), OneBitSizes())


def scene() -> np.ndarray:
    """Background, a dog in two pieces with a speck beside it, a tiny cat, a void rim; no cow."""
    truth = np.zeros((60, 80), int)
    truth[10:30, 5:25] = truth[35:55, 40:75] = 1
    truth[2, 2] = 1
    truth[20:23, 60:62] = 2
    truth[-2:] = UNLABELED
    return truth


@dataclass(frozen=True)
class Images:
    """Samples that hold one scene, and a mark in every label that a simulation must not keep."""

    keys: tuple[str, ...] = ("one", "two")
    classes: Classes = CLASSES

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        truth = scene()
        return Sample(
            key=self.keys[index],
            image=np.zeros((3, *truth.shape), np.float32),
            seeds=np.full(truth.shape, 3),
            valid=truth != UNLABELED,
            strokes=(),
            tags=np.full(4, ABSENT),
            areas=np.full((4, 2), 0.5),
            boxes=np.ones((1, 5)),
            truth=truth,
        )


def labels(*kinds, seed=0, key="one") -> Sample:
    """What is simulated for an image."""
    return Simulated(Images((key,)), kinds, seed)[0]


def marked(length: float, seed: int = 0) -> np.ndarray:
    """Where a scribble of this length is."""
    return labels(Scribbles(length), seed=seed).seeds != UNLABELED


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_shorter_scribbles_lie_inside_longer_ones(a, b, seed):
    """Every pixel marked at one length is marked at every larger length."""
    short, long = sorted((a, b))
    assert not (marked(short, seed) & ~marked(long, seed)).any()


@pytest.mark.parametrize("length", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("width_px", [0.5, 3.0, 15.0])
def test_no_scribble_touches_another_class(length, width_px):
    """However wide the pen, a marked pixel has its own class, and void is never marked."""
    sample = labels(Scribbles(length, width_px))
    drawn = sample.seeds != UNLABELED
    assert (sample.seeds[drawn] == sample.truth[drawn]).all()


def test_every_region_is_scribbled_and_specks_are_not():
    """Both dogs and the background have a scribble at any length, and so has the cat, which has no larger piece."""
    seeds = labels(Scribbles(0.0)).seeds
    for piece in (np.s_[10:30, 5:25], np.s_[35:55, 40:75], np.s_[20:23, 60:62]):
        assert (seeds[piece] != UNLABELED).any()
    assert (seeds == 0).any()
    assert seeds[2, 2] == UNLABELED


def test_length_nought_is_a_dot():
    """A three pixel pen leaves at most a three by three dot in a region."""
    dogs = labels(Scribbles(0.0)).seeds == 1
    assert 2 <= dogs.sum() <= 2 * 9


def test_scribbles_stay_under_the_largest_share():
    """Full curves are cut back where they would mark too much of the valid pixels."""
    assert marked(1.0).sum() <= MAX_SHARE * (scene() != UNLABELED).sum()
    assert marked(1.0).sum() > 0.6 * MAX_SHARE * scene().size


def test_labels_depend_on_seed_and_key_only():
    """Order and size of the data set change nothing; the seed and the key do."""
    alone, second = labels(*ALL_KINDS, key="two"), Simulated(Images(), ALL_KINDS)[1]
    assert np.array_equal(alone.seeds, second.seeds)
    assert np.array_equal(alone.strokes[0].points, second.strokes[0].points)
    assert np.array_equal(labels(Scribbles(0.5)).seeds, labels(*ALL_KINDS).seeds)
    assert not np.array_equal(marked(1.0, seed=0), marked(1.0, seed=1))
    assert not np.array_equal(labels(Scribbles()).seeds, labels(Scribbles(), key="two").seeds)


def test_clicks_lie_inside_their_region():
    """One click a region, on a pixel that is not at the edge where the region has an inside."""
    strokes = labels(Clicks()).strokes
    assert sorted(stroke.label for stroke in strokes) == [0, 1, 1, 2]
    for stroke in strokes:
        row, column = stroke.points[0].astype(int)
        around = scene()[row - 1 : row + 2, column - 1 : column + 2]
        assert (scene()[row, column] if stroke.label == 2 else around == stroke.label).all()


def test_boxes_are_tight_half_open_and_not_for_background():
    """One (class, top, left, bottom, right) row for each piece of a thing."""
    assert sorted(labels(Boxes()).boxes.tolist()) == [[1, 10, 5, 30, 25], [1, 35, 40, 55, 75], [2, 20, 60, 23, 62]]


def test_tags_tell_of_every_class():
    """Classes in the mask are present, all others are absent."""
    assert labels(Tags()).tags.tolist() == [PRESENT, PRESENT, PRESENT, ABSENT]


def test_drawn_classes_are_tagged_and_others_are_not():
    """A click says that the class is there; it says nothing about classes without one."""
    assert labels(Clicks()).tags.tolist() == [PRESENT, PRESENT, PRESENT, UNTOLD]
    assert labels(OneBitSizes()).tags.tolist() == [UNTOLD] * 4


def test_one_bit_sizes_bound_present_classes_from_one_side():
    """A class covers at least the threshold or less; of absent classes nobody said."""
    assert labels(OneBitSizes(0.2)).areas.tolist() == [[0.2, 1], [0.2, 1], [0, 0.2], [0, 1]]


@pytest.mark.parametrize("kind", [OneBitSizes(0.1), OneBitSizes(0.9), IntervalSizes(0.0), IntervalSizes(1.0)])
def test_true_shares_satisfy_their_bounds(kind):
    """Whatever the form, the mask itself has allowed sizes."""
    truth = scene()
    shares = np.bincount(truth[truth >= 0], minlength=4) / (truth >= 0).sum()
    lower, upper = labels(kind).areas.T
    assert (lower <= shares).all()
    assert (shares <= upper).all()


def test_interval_sizes_are_relative():
    """The margin is a part of the share itself."""
    lower, upper = labels(IntervalSizes(0.25)).areas[1]
    assert upper / lower == pytest.approx(1.25 / 0.75)


def test_kinds_not_asked_for_are_forgotten():
    """Labels of the samples beneath never shine through."""
    sample = labels(Tags())
    assert (sample.seeds == UNLABELED).all()
    assert sample.strokes == ()
    assert sample.boxes.shape == (0, 5)
    assert sample.areas.tolist() == [[0, 1]] * 4


def test_image_and_truth_are_kept():
    """Only what annotators say is replaced."""
    sample = labels(Scribbles())
    assert np.array_equal(sample.truth, scene())
    assert np.array_equal(sample.valid, scene() >= 0)


def test_simulated_is_a_dataset_that_travels():
    """It satisfies the protocol, hashes, and loses its cache but nothing else on the way to another process."""
    data = Simulated(Images(), ALL_KINDS, seed=3)
    assert isinstance(data, Dataset)
    first = data[0]
    assert data[0].seeds is first.seeds
    copy = pickle.loads(pickle.dumps(data))
    assert copy == data
    assert hash(copy) == hash(data)
    assert len(pickle.dumps(data)) < 2000
    assert np.array_equal(copy[0].seeds, first.seeds)


def test_masks_of_void_alone_say_nothing():
    """An image that is all void has no scribbles and no classes, and is no error."""

    @dataclass(frozen=True)
    class Void(Images):
        def __getitem__(self, index):
            return replace(super().__getitem__(index), truth=np.full((60, 80), UNLABELED))

    sample = Simulated(Void(), (Scribbles(), Boxes(), IntervalSizes()))[0]
    assert (sample.seeds == UNLABELED).all()
    assert len(sample.boxes) == 0


def test_samples_without_truth_are_refused():
    """The message names the image."""

    @dataclass(frozen=True)
    class Unmasked(Images):
        def __getitem__(self, index):
            return replace(super().__getitem__(index), truth=None)

    with pytest.raises(DataInvalid, match="two"):
        Simulated(Unmasked(), (Tags(),))[1]


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: Scribbles(1.5),
        lambda: Scribbles(width_px=0.0),
        lambda: OneBitSizes(0.0),
        lambda: IntervalSizes(-0.1),
        lambda: Simulated(Images(), (OneBitSizes(), IntervalSizes())),
        lambda: Simulated(Images(), (Tags(),), seed=-1),
    ],
)
def test_impossible_settings_are_refused(impossible):
    """Lengths beyond the curve, pens without width, and the same thing said twice."""
    with pytest.raises(RecipeInvalid):
        impossible()


@pytest.mark.data
@pytest.mark.skipif("WEAKSEG_DATA" not in os.environ, reason="WEAKSEG_DATA does not name the real data sets")
def test_real_images_are_scribbled_within_budget():
    """On photos, full-length scribbles mark between 1 and 3 % and never a wrong pixel."""
    from weakseg.data.folder.folder import Folder

    samples = Folder("msrc21")
    data = Simulated(samples, (Scribbles(),))
    for index in range(0, len(data), 40):
        sample = data[index]
        drawn = sample.seeds != UNLABELED
        assert (sample.seeds[drawn] == sample.truth[drawn]).all()
        assert 0.003 < drawn.sum() / sample.valid.sum() <= MAX_SHARE
