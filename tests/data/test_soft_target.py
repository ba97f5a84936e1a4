"""Soft hidden segmentations of whole images, in levels, in files, and as views show them."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.soft_target import SoftTarget, from_tiles, quantised, soft_labels, soft_seen, to_tiles
from weakseg.data.view import collate, view, whole
from weakseg.types import UNLABELED


@st.composite
def answers(draw, most=700):
    """Target and weight as a solver gives them: any number of classes, sharp or flat, some of it taught in part."""
    classes, height, width = draw(st.sampled_from([1, 2, 3, 21, 255, 256, most])), draw(st.integers(1, 5)), 4
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    scores = generator.normal(0, draw(st.sampled_from([0.0, 1.0, 30.0])), (classes, height, width))
    target = np.exp(scores - scores.max(0)).astype(np.float32)
    weight = generator.choice(draw(st.sampled_from([[1.0], [0.0, 1.0], [0.0, 0.3, 1.0]])), (height, width))
    return target / target.sum(0), weight.astype(np.float32)


def spread(soft: SoftTarget, classes: int):
    """The levels of all classes."""
    levels = np.zeros((classes, *soft.weight.shape))
    levels[soft.classes] = soft.levels
    return levels


@given(answers())
def test_levels_are_the_answer_to_one_in_255(answer):
    """Each probability by itself, however many there are; each cell is whole, and empty where nothing was found."""
    target, weight = answer
    soft = quantised(target, weight, (20, 16))
    levels, found = spread(soft, len(target)), weight > 0
    assert (np.abs(levels / 255 - target) < 1 / 255 + 1e-6)[:, found].all()
    assert (levels.sum(0)[found] == 255).all()
    assert not levels[:, ~found].any()
    assert np.abs(soft.weight / 255 - weight).max() <= 0.5 / 255 + 1e-6


@given(answers())
def test_tiles_say_all_of_it(answer):
    """Only classes that occur have one."""
    target, weight = answer
    soft = quantised(target, weight, (20, 16))
    tiles, known = to_tiles(soft)
    again = from_tiles(tiles, known)
    for one, other in ((soft.classes, again.classes), (soft.levels, again.levels), (soft.weight, again.weight)):
        np.testing.assert_array_equal(one, other)
    assert again.size == soft.size
    assert len(soft.classes) == 1 or soft.levels.any((1, 2)).all()


def test_a_sharp_answer_has_few_tiles():
    """Twenty classes that are all but impossible take no room."""
    target = np.full((21, 4, 4), 1e-5)
    target[7] = 1 - 20e-5
    assert quantised(target, np.ones((4, 4)), (4, 4)).classes.tolist() == [7]


@pytest.mark.parametrize(
    "change",
    [
        {"classes": []},
        {"classes": [1, 0]},
        {"classes": [-1, 0]},
        {"classes": [0, 1, 2]},
        {"classes": "ab"},
        {"classes": [[0], [1]]},
        {"size": [4]},
        {"size": 4},
        {"size": ["four", 4]},
    ],
    ids=str,
)
def test_a_description_of_other_tiles_is_refused(change):
    """A file may hold anything."""
    tiles, known = to_tiles(quantised(np.full((2, 4, 4), 0.5), np.ones((4, 4)), (8, 8)))
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_tiles(tiles, known | change)


def by_hand(soft, window, size, classes):
    """What is seen at each pixel, one after another."""
    rows, columns = soft.weight.shape
    seen = np.zeros((classes, *size))
    for row, column in product(range(size[0]), range(size[1])):
        y, x = window[:, :2] @ (row, column) + window[:, 2]
        if not (-0.5 <= y < soft.size[0] - 0.5 and -0.5 <= x < soft.size[1] - 0.5):
            continue
        y = np.clip((y + 0.5) * rows / soft.size[0] - 0.5, 0, rows - 1)
        x = np.clip((x + 0.5) * columns / soft.size[1] - 0.5, 0, columns - 1)
        total = np.zeros(classes)
        for r, c in product(range(rows), range(columns)):
            near = max(0, 1 - abs(y - r)) * max(0, 1 - abs(x - c))
            total[soft.classes] += near * soft.levels[:, r, c]
        weight = soft.weight[int(np.floor(y + 0.5)), int(np.floor(x + 0.5))] / 255
        seen[:, row, column] = weight * total / max(total.sum(), 1e-9)
    return seen


@given(
    answers(most=5),
    st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(-6, 20), st.floats(-6, 20)),
    st.booleans(),
)
def test_a_view_is_bilinear_between_cells_that_were_found(answer, numbers, mirrored):
    """Crops, zooms and flips, over the border too: as a loop over pixels and cells has it."""
    down, across, top, left = numbers
    window = np.array([[down, 0, top], [0, -across if mirrored else across, left]])
    target, weight = answer
    classes = len(target)
    soft = quantised(target, weight, (3 * len(weight), 9))
    seen = soft_seen(soft, window, (7, 6), classes)
    np.testing.assert_allclose(seen, by_hand(soft, window, (7, 6), classes), atol=1e-5)


def test_on_the_pixels_themselves_nothing_is_blurred():
    """A whole view of a target in pixels is the target; its labels are the best classes."""
    generator = np.random.default_rng(0)
    target, weight = generator.dirichlet([0.3] * 4, (6, 9)).transpose(2, 0, 1), np.ones((6, 9))
    weight[2] = 0
    soft = quantised(target, weight, (6, 9))
    np.testing.assert_allclose(soft_seen(soft, whole(), (6, 9), 4) * 255, spread(soft, 4), atol=1e-4)
    labels = soft_labels(soft)
    assert (labels[2] == UNLABELED).all()
    rest = np.arange(6) != 2
    assert (labels[rest] == spread(soft, 4).argmax(0)[rest]).all()


def test_confidence_is_of_what_teaches():
    """A cell that teaches nothing does not count."""
    target = np.array([[[1.0, 0.6, 0.5]], [[0.0, 0.4, 0.5]]])
    assert quantised(target, np.array([[1, 1, 0.0]]), (1, 3)).confidence == pytest.approx(0.8)


def test_views_of_other_sizes_and_of_labels_make_one_batch(rectangle_sample):
    """Padding teaches nothing; labels are certain; a view without anything remembered empties the batch."""
    sample = rectangle_sample()
    classes, size = len(sample.tags), sample.valid.shape
    soft = quantised(np.full((classes, 4, 4), 1 / classes), np.ones((4, 4)), size)
    labels = np.where(np.arange(size[1]) < 3, UNLABELED, 1) + np.zeros((size[0], 1), int)
    one, two, none = (
        view(sample, whole(), (20, 30), soft),
        view(sample, whole(), (25, 20), labels),
        view(sample, whole(), (20, 30)),
    )

    carried = collate([one, two]).targets

    assert carried is not None
    assert one.targets is not None
    assert torch.equal(carried[0, :, :20, :30], one.targets[0])
    assert not carried[0, :, 20:].any()
    shown = np.eye(classes)[:, np.where(labels[:25, :20] == UNLABELED, 0, labels[:25, :20])]
    np.testing.assert_array_equal(carried[1, :, :25, :20].numpy(), shown * (labels[:25, :20] != UNLABELED))
    assert collate([one, none]).targets is None


def test_soft_ones_move_to_a_device_with_their_batch(rectangle_sample):
    """Like everything else."""
    sample = rectangle_sample()
    soft = quantised(np.ones((len(sample.tags), 1, 1)), np.ones((1, 1)), sample.valid.shape)
    moved = replace(view(sample, whole(), (4, 4), soft)).to("meta")
    assert moved.targets is not None
    assert moved.targets.device.type == "meta"
