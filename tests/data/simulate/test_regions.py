"""Promises of the regions people mark."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weakseg.data.simulate.regions import MIN_AREA_PX, regions
from weakseg.types import UNLABELED


@given(arrays(np.int64, (12, 15), elements=st.integers(UNLABELED, 3)))
def test_regions_are_pieces_of_one_class_in_tight_boxes(truth):
    """No pixel is in two regions or of another class, and every class of the mask has a region."""
    seen = np.zeros(truth.shape, int)
    for region in regions(truth):
        assert (truth[region.at][region.mask] == region.label).all()
        assert all(region.mask.any(axis).all() or region.mask.any(axis)[[0, -1]].all() for axis in (0, 1))
        seen[region.at] += region.mask
    assert seen.max(initial=0) <= 1
    assert {region.label for region in regions(truth)} == {*np.unique(truth).tolist()} - {UNLABELED}


def test_convention_corners_connect():
    """Two squares that touch by a corner are one region."""
    truth = np.zeros((20, 20), int)
    truth[:10, :10] = truth[10:, 10:] = 1
    assert [region.label for region in regions(truth)] == [0, 1]


def test_specks_count_only_where_there_is_nothing_larger():
    """A speck beside a larger piece is left out; a class of specks keeps its largest ones."""
    truth = np.zeros((30, 30), int)
    truth[5:15, 5:15], truth[20:22, 20:22] = 1, 1
    truth[25:27, 2:4], truth[25, 10] = 2, 2
    assert MIN_AREA_PX > 4
    assert [(region.label, int(region.mask.sum())) for region in regions(truth)][1:] == [(1, 100), (2, 4)]
