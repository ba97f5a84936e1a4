"""Scores from confusion matrices, against counting sets of pixels."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from weakseg.evaluation.scores import Scores, confusion
from weakseg.types import UNLABELED, Classes

C, N, SHAPE = 3, 4, (3, 4)
CLASSES = Classes(("ground", "cat", "dog"), background=0)
VOLUMES = ("a", "b", "a", "b")
images = hnp.arrays(np.int64, (N, *SHAPE), elements=st.integers(UNLABELED, C - 1))
answers = hnp.arrays(np.int64, (N, *SHAPE), elements=st.integers(0, C - 1))


def judged(truth, predicted, classes=CLASSES, volumes=VOLUMES):
    """Scores of whole stacks of label maps."""
    matrices = np.stack([confusion(t, p, C) for t, p in zip(truth, predicted, strict=True)])
    return Scores(classes, tuple(f"p{i}" for i in range(len(matrices))), volumes, matrices, {2: matrices // 2})


def by_sets(truth, predicted, score):
    """A score of each class from the sets of its pixels; nan where both sets are empty."""
    known = truth != UNLABELED
    sets = [((truth == k) & known, (predicted == k) & known) for k in range(C)]
    return np.array([score(t, p) if (t | p).any() else np.nan for t, p in sets])


def iou(t, p):
    """Of two sets of pixels."""
    return (t & p).sum() / (t | p).sum()


def dice(t, p):
    """Of two sets of pixels."""
    return 2 * (t & p).sum() / (t.sum() + p.sum())


def mean(values):
    """Over what is defined."""
    values = np.asarray(values)[~np.isnan(values)]
    return values.mean() if values.size else np.nan


@given(images, answers)
def test_iou_is_that_of_all_images_together(truth, predicted):
    """One matrix is summed over the set; the mean skips classes that nobody showed or guessed."""
    expected = by_sets(truth, predicted, iou)
    scores = judged(truth, predicted)
    np.testing.assert_allclose(scores.iou(), expected)
    np.testing.assert_allclose(scores.mean_iou(), mean(expected))


@given(images, answers)
def test_dice_is_taken_over_whole_volumes_without_the_background(truth, predicted):
    """Slices of a volume are counted together; the mean runs over every defined pair of volume and class."""
    expected = np.stack([by_sets(truth[rows], predicted[rows], dice) for rows in ([0, 2], [1, 3])])
    expected[:, 0] = np.nan
    scores = judged(truth, predicted)
    np.testing.assert_allclose(scores.volume_dice(), expected)
    np.testing.assert_allclose(scores.dice(), [mean(column) for column in expected.T])
    np.testing.assert_allclose(scores.mean_dice(), mean(expected))


@given(images, answers)
def test_each_image_is_scored_on_the_classes_it_shows(truth, predicted):
    """The order "worst first" rests on one mean IoU an image."""
    expected = [mean(by_sets(t, p, iou)) for t, p in zip(truth, predicted, strict=True)]
    np.testing.assert_allclose(judged(truth, predicted).per_image(), expected)


@given(images)
def test_a_perfect_prediction_scores_one(truth):
    """Every defined score is exactly 1; without any judged pixel there is no score at all."""
    scores = judged(truth, np.maximum(truth, 0))
    expected = 1.0 if (truth != UNLABELED).any() else np.nan
    np.testing.assert_equal([scores.mean_iou(), scores.pixel_accuracy()], [expected] * 2)
    np.testing.assert_equal(scores.mean_dice(), 1.0 if (truth > 0).any() else np.nan)


@given(images, answers, st.permutations(range(C)))
def test_renamed_classes_keep_their_scores(truth, predicted, order):
    """A score belongs to a class, wherever it stands in the list."""
    order = np.array(order)
    renamed_truth = np.where(truth == UNLABELED, UNLABELED, order[truth])
    renamed = judged(renamed_truth, order[predicted], Classes(("x", "y", "z"), background=int(order[0])))
    plain = judged(truth, predicted)
    np.testing.assert_allclose(renamed.iou()[order], plain.iou())
    np.testing.assert_allclose(renamed.mean_dice(), plain.mean_dice())


def test_a_class_predicted_but_never_true_scores_zero():
    """Inventing a class costs; saying nothing about an absent one does not."""
    scores = judged(np.zeros((1, 1, 4), int), np.array([[[0, 0, 0, 1]]]), volumes=("a",))
    np.testing.assert_allclose(scores.iou(), [0.75, 0, np.nan])
    assert scores.mean_iou() == pytest.approx(0.375)


def test_unscored_classes_are_left_out_of_every_mean():
    """Their pixels still count as mistakes of what they were taken for."""
    truth, predicted = np.array([[[0, 0, 1, 2]]]), np.array([[[0, 0, 0, 2]]])
    scores = judged(truth, predicted, replace(CLASSES, unscored=(1,)), volumes=("a",))
    np.testing.assert_allclose(scores.iou(), [2 / 3, np.nan, 1])
    np.testing.assert_allclose(scores.volume_dice(), [[np.nan, np.nan, 1]])
    assert scores.per_image()[0] == scores.mean_iou() == pytest.approx(5 / 6)


def test_pixel_accuracy_ignores_void():
    """Three of four judged pixels are right."""
    scores = judged(np.array([[[0, 1, 1, 2, UNLABELED]]]), np.array([[[0, 1, 1, 1, 1]]]), volumes=("a",))
    assert scores.pixel_accuracy() == 0.75


@given(images, answers)
def test_scores_survive_a_file(truth, predicted):
    """What is written as strict JSON is read back with every count."""
    scores = judged(truth, predicted, replace(CLASSES, unscored=(2,)))
    back = Scores.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False)))
    assert (back.classes, back.keys, back.volumes) == (scores.classes, scores.keys, scores.volumes)
    assert (back.matrices == scores.matrices).all()
    assert back.trimap.keys() == {2}
    assert (back.trimap[2] == scores.trimap[2]).all()
    assert back.summary == scores.summary


@given(images, answers, st.integers(0, N))
def test_parts_joined_score_as_the_whole(truth, predicted, cut):
    """Several processes may share the work, even if one has nothing to do."""
    whole = judged(truth, predicted)
    ends = ((0, cut), (cut, N))
    parts = [
        Scores(CLASSES, whole.keys[a:b], whole.volumes[a:b], whole.matrices[a:b], {2: whole.trimap[2][a:b]})
        for a, b in ends
    ]
    assert Scores.joined(parts).summary == whole.summary


def test_the_summary_says_none_where_nothing_is_defined():
    """Other programs read null, not NaN, which is no JSON."""
    summary = judged(np.full((1, 1, 2), UNLABELED), np.zeros((1, 1, 2), int), volumes=("a",)).summary
    assert summary["mean_iou"] is None
    assert summary["iou"] == [None] * C
    assert summary["trimap"] == {"2": None}
