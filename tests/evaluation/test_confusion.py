"""Counting which class was taken for which."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from weakseg.errors import EvidenceInvalid
from weakseg.evaluation.scores import confusion
from weakseg.types import UNLABELED

CLASSES = 4
SHAPE = (5, 6)
truths = hnp.arrays(np.int64, SHAPE, elements=st.integers(UNLABELED, CLASSES - 1))
predictions = hnp.arrays(np.int64, SHAPE, elements=st.integers(0, CLASSES - 1))


@given(truths, predictions)
def test_every_cell_counts_the_pixels_of_its_row_and_column(truth, predicted):
    """The table agrees with counting pixel by pixel."""
    expected = np.zeros((CLASSES, CLASSES), np.int64)
    for true, given_class in zip(truth.flat, predicted.flat, strict=True):
        if true != UNLABELED:
            expected[true, given_class] += 1
    assert (confusion(truth, predicted, CLASSES) == expected).all()


@given(truths, predictions, st.permutations(range(CLASSES)))
def test_renamed_classes_permute_the_table(truth, predicted, order):
    """No class is special because of its index."""
    order = np.array(order)
    renamed = confusion(np.where(truth == UNLABELED, UNLABELED, order[truth]), order[predicted], CLASSES)
    assert (renamed[np.ix_(order, order)] == confusion(truth, predicted, CLASSES)).all()


def test_void_is_not_counted():
    """An image that is all void gives an empty table."""
    assert not confusion(np.full(SHAPE, UNLABELED), np.zeros(SHAPE, np.int64), CLASSES).any()


@pytest.mark.parametrize(
    ("true", "given_class", "named"), [(4, 0, "truth"), (0, 4, "prediction"), (0, -1, "prediction")]
)
def test_classes_out_of_range_are_refused(true, given_class, named):
    """A class that does not exist is an error, never another class's count."""
    with pytest.raises(EvidenceInvalid, match=named):
        confusion(np.array([[true]]), np.array([[given_class]]), CLASSES)
