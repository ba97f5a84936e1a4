"""What every data set promises; the test of each calls `check_dataset` with one of two images or more."""

import pickle
from dataclasses import fields

import numpy as np

from weakseg.constraints.cells import require_valid
from weakseg.data.relabel import marked_classes
from weakseg.data.sample import Sample
from weakseg.data.view import view, whole
from weakseg.types import ABSENT, UNLABELED
from weakseg.typing import Dataset


def check_dataset(samples: Dataset) -> None:
    """Keys, sizes, ranges and classes are as `weakseg.typing.Dataset` and `Sample` say, for every image."""
    assert isinstance(samples, Dataset)
    assert len(samples) == len(samples.keys) == len({*samples.keys}) >= 2, "keys tell images apart"
    assert isinstance(samples.classes.names, tuple), "recipes are compared and hashed"
    travelled = pickle.loads(pickle.dumps(samples))
    found = list(samples)  # a loop ends where an index is beyond the end: IndexError
    assert [sample.key for sample in found] == [*samples.keys] == [*travelled.keys]
    assert len({sample.image.shape[0] for sample in found}) == 1, "images have equally many channels"
    for i, sample in enumerate(found):
        check_sample(sample, len(samples.classes))
        assert_equal(samples[i], sample)
        assert_equal(travelled[i], sample)


def check_sample(sample: Sample, classes: int) -> None:
    """Labels of one size with the image, of classes that exist, which do not contradict each other."""
    size = sample.image.shape[1:]
    assert 0 <= sample.image.min() <= sample.image.max() <= 1, "images lie in [0, 1]"
    assert sample.image.dtype == np.float32
    assert sample.seeds.shape == sample.valid.shape == size, "labels have the image's size"
    for labels in (sample.seeds, *([] if sample.truth is None else [sample.truth])):
        assert labels.shape == size
        assert UNLABELED <= labels.min() <= labels.max() < classes, "255 and the like end in the reader"
    assert len(sample.tags) == len(sample.areas) == classes
    assert all(0 <= stroke.label < classes and stroke.width_px > 0 for stroke in sample.strokes)
    require_valid(view(sample, whole(), (int(size[0]), int(size[1]))).weak)
    marked = marked_classes(np.where(sample.valid, sample.seeds, UNLABELED), sample.strokes, sample.boxes, classes)
    assert (sample.tags[marked] != ABSENT).all(), "what is drawn is not absent"


def assert_equal(one: Sample, other: Sample) -> None:
    """Every field bit for bit."""
    for field in fields(Sample):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert repr(mine) == repr(theirs)
