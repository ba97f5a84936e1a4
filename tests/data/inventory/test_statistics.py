"""How much is said about images, counted class by class."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weakseg.data.inventory.statistics import LabelCounts, count, total
from weakseg.data.sample import Sample, Stroke
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Classes

CLASSES = Classes(("background", "cow", "sheep"), background=0)
SUMMED = [name for name in LabelCounts.__dataclass_fields__ if name != "classes"]


def sample(seeds, **said) -> Sample:
    """An image on which something is drawn, and nothing said unless it is given."""
    seeds = np.asarray(seeds)
    bare = Sample(
        key="a",
        image=np.zeros((1, *seeds.shape), np.float32),
        seeds=seeds,
        valid=np.ones(seeds.shape, bool),
        strokes=(),
        tags=np.full(3, UNTOLD),
        areas=np.tile([0.0, 1.0], (3, 1)),
        boxes=np.zeros((0, 5)),
        truth=None,
    )
    return replace(bare, **said)


def test_marks_are_counted_by_class_and_void_is_not():
    """Two pixels of background and one of sheep; the other sheep is void."""
    valid = np.array([[True, True, True, True, False]])

    counts = count(sample([[0, 0, UNLABELED, 2, 2]], valid=valid), CLASSES)

    assert counts.marked_pixels.tolist() == [2, 0, 1]
    assert counts.marked_images.tolist() == [1, 0, 1]
    assert (counts.images, counts.unmarked, counts.pixels, counts.valid_pixels) == (1, 0, 5, 4)
    assert counts.labelled_share == pytest.approx(3 / 4)
    assert counts.void_share == pytest.approx(1 / 5)
    assert counts.imbalance == 2


def test_clicks_are_marks():
    """As they are drawn at native resolution, over what else is there."""
    clicks = tuple(Stroke(1, np.array([[0.0, column]]), width_px=1.0) for column in (0.0, 2.0))

    assert count(sample([[0, 0, UNLABELED]], strokes=clicks), CLASSES).marked_pixels.tolist() == [1, 2, 0]


def test_tables_are_counted_by_class():
    """Images said to show a class, images with a bound on its size, and boxes."""
    areas = np.array([[0.0, 1.0], [0.1, 1.0], [0.0, 0.5]])
    boxes = np.array([[2.0, 0, 0, 1, 1], [2.0, 0, 0, 1, 2]])

    counts = count(
        sample([[UNLABELED] * 3], tags=np.array([PRESENT, UNTOLD, ABSENT]), areas=areas, boxes=boxes), CLASSES
    )

    assert counts.tagged_images.tolist() == [1, 0, 0]
    assert counts.sized_images.tolist() == [0, 1, 1]
    assert counts.boxes.tolist() == [0, 0, 2]
    assert counts.unmarked == 1


def test_where_nothing_is_marked_there_is_no_imbalance():
    """And no division by zero, be it in an empty set."""
    for nothing in (count(sample([[UNLABELED]]), CLASSES), total([], CLASSES)):
        assert np.isnan(nothing.imbalance)
        assert nothing.labelled_share == 0


MAPS = st.lists(arrays(int, (2, 3), elements=st.integers(-1, 2)), max_size=5)


@given(MAPS, MAPS)
def test_counts_of_sets_add_up(first, second):
    """The total of two sets is the total of their totals, whatever their images."""
    parts = [[count(sample(seeds), CLASSES) for seeds in maps] for maps in (first, second)]

    together = total([*parts[0], *parts[1]], CLASSES)
    apart = total([total(part, CLASSES) for part in parts], CLASSES)

    for name in SUMMED:
        assert np.array_equal(getattr(together, name), getattr(apart, name)), name
    assert together.marked_pixels.sum() == sum((seeds >= 0).sum() for seeds in [*first, *second])
