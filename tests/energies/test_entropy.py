"""Entropy of hidden pixels."""

from math import log

import pytest
import torch
from batches import batch_of

from weakseg import Evidence
from weakseg.energies import Entropy
from weakseg.types import UNLABELED


def test_it_is_the_mean_over_hidden_pixels_and_looks_at_no_other():
    """Hidden: unsure between two, and sure; a marked and a void pixel do not count."""
    seeds = torch.tensor([[[UNLABELED, UNLABELED, 2, UNLABELED]]])
    batch = batch_of(seeds, torch.tensor([[[True, True, True, False]]]))
    unsure, sure = [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]
    probs = torch.tensor([unsure, sure, [0.25] * 4, [0.25] * 4]).T[None, :, None]
    assert Entropy()(probs, Evidence(batch.image, probs, batch.weak)).item() == pytest.approx(log(2) / 2)


def test_a_cell_counts_as_far_as_it_is_hidden():
    """Of two cells of two pixels, one pixel is marked: weights of a half and one."""
    batch = batch_of(torch.tensor([[[1, UNLABELED, UNLABELED, UNLABELED]]]))
    probs = torch.tensor([[0.25] * 4, [0.5, 0.5, 0.0, 0.0]]).T[None, :, None]
    expected = (0.5 * log(4) + log(2)) / 1.5
    assert Entropy()(probs, Evidence(batch.image, probs, batch.weak)).item() == pytest.approx(expected)


def test_a_image_that_is_marked_all_over_costs_nothing():
    """There is nobody to ask."""
    batch = batch_of(torch.zeros((1, 2, 2), dtype=torch.long))
    probs = torch.full((1, 4, 2, 2), 0.25)
    assert Entropy()(probs, Evidence(batch.image, probs, batch.weak)).item() == 0
