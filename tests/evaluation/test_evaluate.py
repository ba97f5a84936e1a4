"""Evaluation of a predictor on a data set."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from torch import nn

from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.evaluation.evaluate import evaluate
from weakseg.evaluation.predictor import Predictor
from weakseg.types import UNLABELED, Classes

CLASSES = Classes(("red", "green", "blue"))
SHAPE = (20, 30)


@dataclass(frozen=True)
class Images:
    """Samples in memory."""

    samples: tuple[Sample, ...]
    classes: Classes = CLASSES

    @property
    def keys(self):
        """The name of each sample."""
        return tuple(sample.key for sample in self.samples)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def sample(key, volume="", channels=3):
    """Random colours, whose truth is the brightest channel."""
    truth = np.random.default_rng(len(key)).integers(0, 3, SHAPE)
    image = np.stack([truth == c for c in range(3)]).astype(np.float32)[:channels]
    return Sample(
        key, image, np.full(SHAPE, UNLABELED), np.ones(SHAPE, bool), (), np.full(3, -1),
        np.tile([0.0, 1.0], (3, 1)), np.empty((0, 5)), truth, volume,
    )  # fmt: skip


PREDICTOR = Predictor(nn.Identity(), CLASSES)


def test_a_network_that_knows_the_answer_scores_one():
    """Everything is counted at the images' own resolution, for each width of band too."""
    scores = evaluate(PREDICTOR, Images((sample("a"), sample("bb"))), trimap_widths=(1, 3))
    assert scores.mean_iou() == scores.pixel_accuracy() == 1
    assert scores.trimap_mean_iou() == {1: 1.0, 3: 1.0}
    assert scores.matrices.sum() == 2 * SHAPE[0] * SHAPE[1]


def test_bands_are_counted_apart_from_the_whole():
    """A mistake far from every boundary is in the whole count only."""
    truth = np.repeat([0, 1], 15)[None].repeat(20, axis=0)
    wrong = truth.copy()
    wrong[:, 0] = 2
    image = np.stack([wrong == c for c in range(3)]).astype(np.float32)
    scores = evaluate(PREDICTOR, Images((replace(sample("a"), image=image, truth=truth),)), trimap_widths=(2,))
    assert scores.mean_iou() < 1
    assert scores.trimap_mean_iou() == {2: 1.0}
    assert scores.trimap[2].sum() == 4 * 20


def test_images_without_a_volume_stand_alone():
    """Slices share the volume they name; other images are their own."""
    scores = evaluate(PREDICTOR, Images((sample("a1", "a"), sample("a2", "a"), sample("b"))))
    assert scores.volumes == ("a", "a", "b")
    assert scores.keys == ("a1", "a2", "b")


def test_progress_is_told_image_by_image():
    """A caller can draw a bar."""
    told = []
    evaluate(PREDICTOR, Images((sample("a"), sample("b"))), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_all_images_without_truth_are_named():
    """One message lists every mask that is missing."""
    images = (replace(sample("first"), truth=None), sample("second"), replace(sample("third"), truth=None))
    with pytest.raises(DataInvalid, match="2 of 3 .*first, third"):
        evaluate(PREDICTOR, Images(images))


def test_a_image_with_other_channels_is_named():
    """The message says which image."""
    with pytest.raises(DataInvalid, match="'grey'"):
        evaluate(PREDICTOR, Images((sample("a"), sample("grey", channels=1))))
