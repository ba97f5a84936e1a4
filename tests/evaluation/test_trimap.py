"""The band around true boundaries."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from weakseg.evaluation.scores import trimap
from weakseg.types import UNLABELED

truths = hnp.arrays(np.int64, (6, 7), elements=st.integers(UNLABELED, 2))


@given(truths, st.integers(1, 4))
def test_the_band_is_where_another_class_is_near(truth, width):
    """A pixel is inside exactly when some pixel of another class is at most the width away."""
    expected = np.zeros(truth.shape, bool)
    for row, column in np.argwhere(truth != UNLABELED):
        near = truth[max(row - width, 0) : row + width + 1, max(column - width, 0) : column + width + 1]
        expected[row, column] = ((near != truth[row, column]) & (near != UNLABELED)).any()
    assert (trimap(truth, width) == expected).all()


@given(truths, st.integers(1, 4))
def test_wider_bands_hold_narrower_ones(truth, width):
    """The trimap curve is over nested bands."""
    assert not (trimap(truth, width) & ~trimap(truth, width + 1)).any()


def test_width_one_marks_the_two_rows_that_touch():
    """The width counts pixels on each side of the boundary."""
    truth = np.repeat([[0], [0], [0], [1], [1], [1]], 4, axis=1)
    assert trimap(truth, 1).any(1).tolist() == [False, False, True, True, False, False]


def test_void_makes_no_boundary():
    """A class that meets only void and the image's border has no band."""
    truth = np.full((6, 6), 1)
    truth[2:4] = UNLABELED
    assert not trimap(truth, 3).any()
