"""Promises of the generated images."""

import pickle

import numpy as np
import pytest

from weakseg.data.sample import Dataset
from weakseg.data.scenes import THINGS, Scenes
from weakseg.data.simulate.annotators import Scribbles, Simulated


def test_images_depend_on_seed_and_index_alone():
    """A larger data set begins with the smaller one; another seed has other images and other keys."""
    few, many, other = Scenes(2), Scenes(5), Scenes(2, seed=1)
    assert np.array_equal(few[1].image, many[1].image)
    assert np.array_equal(few[1].truth, many[1].truth)
    assert not np.array_equal(few[1].image, other[1].image)
    assert not set(few.keys) & set(other.keys)


def test_images_have_the_size_and_range_promised():
    """Three channels in [0, 1] of the (height, width) asked for, and a class at every pixel."""
    sample = Scenes(1, size=(40, 60))[0]
    assert sample.image.shape == (3, 40, 60)
    assert sample.image.dtype == np.float32
    assert 0 <= sample.image.min() < sample.image.max() <= 1
    assert sample.truth.shape == (40, 60)
    assert sample.valid.all()


def test_every_class_is_common_and_none_fills_the_images():
    """Over fifty images each thing covers at least 2 % of the pixels, and the background between .5 and .85."""
    truth = np.stack([Scenes(50)[index].truth for index in range(50)])
    shares = np.bincount(truth.ravel(), minlength=len(THINGS) + 1) / truth.size
    assert shares[1:].min() > 0.02
    assert 0.5 < shares[0] < 0.85


def test_scenes_are_a_fully_labelled_dataset_that_travels():
    """It satisfies the protocol, hashes and pickles; its masks are training labels."""
    data = Scenes(3, seed=2)
    assert isinstance(data, Dataset)
    assert len(data.classes) == 6
    assert hash(pickle.loads(pickle.dumps(data))) == hash(data)
    assert np.array_equal(data[0].seeds, data[0].truth)


def test_indices_end_where_the_data_set_ends():
    """Counting from the end works, beyond it does not."""
    assert Scenes(3)[-1].key == Scenes(3)[2].key
    with pytest.raises(IndexError):
        Scenes(3)[3]


def test_clutter_is_background():
    """More clutter changes the image and no mask has a class for it."""
    bare = Scenes(1, things=(0, 0), clutter=20)[0]
    assert (bare.truth == 0).all()
    assert bare.image.std() > Scenes(1, things=(0, 0), clutter=0)[0].image.std()


def test_scenes_can_be_scribbled_on():
    """Simulated scribbles mark some of each class there is."""
    sample = Simulated(Scenes(1), (Scribbles(),))[0]
    assert set(np.unique(sample.seeds[sample.seeds >= 0])) == set(np.unique(sample.truth))
