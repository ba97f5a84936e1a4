"""Boxes painted as masks."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of

from weakseg import Evidence
from weakseg.errors import EvidenceInvalid
from weakseg.papers import BoxLabels
from weakseg.types import UNLABELED


def solved(boxes, seeds=None):
    """An image of 4 by 6 pixels with boxes."""
    batch = batch_of(torch.full((1, 4, 6), UNLABELED) if seeds is None else seeds)
    weak = replace(batch.weak, boxes=(torch.tensor(boxes).reshape(-1, 5).float(),))
    return BoxLabels().solve(Evidence(batch.image, torch.zeros(1, 4, 4, 6).log_softmax(1), weak))


def test_pixels_whose_centre_is_in_a_box_are_its_class():
    """Half-open edges; the smaller box lies on top; the rest is background and teaches too."""
    solution = solved([[2.0, 1, 1, 2, 3], [1, 0, 0, 3.4, 4]])
    assert solution.target[0].argmax(0).tolist() == [[1, 1, 1, 1, 0, 0], [1, 2, 2, 1, 0, 0], [1] * 4 + [0, 0], [0] * 6]
    assert (solution.weight == 1).all()


def test_boxes_that_a_crop_cut_are_painted_where_they_show():
    """Boxes are not clipped to the view."""
    assert solved([[3.0, -5, 4, 2, 99]]).target[0, 3].sum() == 4


def test_a_image_without_boxes_teaches_only_its_marks():
    """Nobody said that it is empty."""
    seeds = torch.full((1, 4, 6), UNLABELED)
    seeds[0, 2, 2] = 1
    solution = solved([], seeds)
    assert solution.weight.sum() == 1
    assert solution.target[0, :, 2, 2].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("label", [-1.0, 4.0])
def test_a_box_of_a_class_that_does_not_exist_is_refused(label):
    """The message names the image and the classes there are."""
    with pytest.raises(EvidenceInvalid, match="A box of image 0") as raised:
        solved([[label, 1, 1, 2, 3]])
    assert raised.value.expected == "a class from 0 to 3, top, left, bottom, right, in this order"


def test_a_background_that_does_not_exist_is_refused():
    """Instead of an index error where it is painted."""
    batch = batch_of(torch.full((1, 4, 6), UNLABELED))
    with pytest.raises(EvidenceInvalid, match="background of BoxLabels is class 4"):
        BoxLabels(background=4).solve(Evidence(batch.image, torch.zeros(1, 4, 4, 6).log_softmax(1), batch.weak))
