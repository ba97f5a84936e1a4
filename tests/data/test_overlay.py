"""Labels drawn on images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from weakseg.data.overlay import as_rgb, boxed, hatched, marked, resized_labels, tinted
from weakseg.types import UNLABELED

COLORS = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)
GREY = np.full((40, 60, 3), 120, np.uint8)
NOTHING = np.full((40, 60), UNLABELED)


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_any_number_of_channels_can_be_shown(channels):
    """Grey, colour and many-channel images become (row, column, RGB)."""
    image = np.random.default_rng(0).random((channels, 5, 6), np.float32)
    assert as_rgb(image).shape == (5, 6, 3)


def test_dim_grey_images_are_stretched_and_photos_are_not():
    """A 16-bit scan that uses a hundredth of its range can be seen; colours are shown as they are."""
    dim = np.linspace(0, 0.01, 600, dtype=np.float32).reshape(1, 20, 30)
    assert np.ptp(as_rgb(dim)) == 255
    assert as_rgb(np.repeat(dim, 3, axis=0)).max() == 3


def test_a_image_of_one_value_is_shown():
    """Nothing is divided by zero."""
    assert (as_rgb(np.full((1, 4, 4), 0.3, np.float32)) == 0).all()


def test_labels_are_mixed_into_a_grey_image():
    """55 % of the class's colour, 45 % of the image; what is not labelled stays as it is."""
    labels = NOTHING.copy()
    labels[:, 30:] = 1
    drawn = tinted(GREY, labels, COLORS)
    assert (drawn[:, :30] == 120).all()
    assert drawn[0, 40].tolist() == [round(0.45 * 120 + 0.55 * 200), 54, 54]


def test_a_click_can_be_seen():
    """One pixel becomes a dot of its colour with a white edge."""
    seeds = NOTHING.copy()
    seeds[20, 30] = 2
    drawn = marked(GREY, seeds, COLORS)
    assert 25 <= (drawn == COLORS[2]).all(2).sum() <= 60
    assert (drawn == 255).all(2).any()
    assert (drawn[0] == 120).all()


def test_scribbles_spread_less_than_clicks_and_filled_areas_not_at_all():
    """A mask keeps its outline."""
    line, area = NOTHING.copy(), NOTHING.copy()
    line[20, 5:55] = 1
    area[5:35, 5:55] = 1
    assert (marked(GREY, line, COLORS)[:, 30] == COLORS[1]).all(1).sum() == 3
    assert (marked(GREY, area, COLORS) == tinted(GREY, area, COLORS)).all()


def test_without_marks_the_image_stays():
    """There is nothing to spread from."""
    assert (marked(GREY, NOTHING, COLORS) == GREY).all()


@given(
    hnp.arrays(np.int64, (17, 23), elements=st.sampled_from([UNLABELED] * 20 + [0, 1, 2])),
    st.tuples(st.integers(3, 60), st.integers(3, 60)),
)
def test_resized_labels_invent_nothing_and_lose_no_class(labels, size):
    """However small an image is shown, every mark is there unless a mark covers it; larger is repetition."""
    small = resized_labels(labels, size)
    assert small.shape == size
    assert set(np.unique(small)) <= set(np.unique(labels))
    assert (small != UNLABELED).any() == (labels != UNLABELED).any()


def test_labels_of_the_same_size_stay():
    """Resizing to the own size changes nothing."""
    labels = np.arange(12).reshape(3, 4)
    assert (resized_labels(labels, (3, 4)) == labels).all()


def test_boxes_are_outlined_where_they_are():
    """The pen runs inside the half-open range, a white edge around it; the inside is untouched."""
    drawn = boxed(GREY, np.array([[1.0, 10, 20, 30, 50]]), COLORS)
    assert (drawn[10, 20:50] == COLORS[1]).all()
    assert (drawn[29, 20:50] == COLORS[1]).all()
    assert (drawn[9, 20:50] == 255).all()
    assert (drawn[30, 20:50] == 255).all()
    assert (drawn[15:25, 30:40] == 120).all()


def test_boxes_that_leave_the_image_are_cut():
    """The part inside is drawn."""
    drawn = boxed(GREY, np.array([[1.0, -5, -5, 20, 200]]), COLORS)
    assert (drawn[19, :] == COLORS[1]).all()
    assert (drawn[30] == 120).all()


def test_void_is_hatched():
    """Stripes lie on void pixels only."""
    void = NOTHING == 0
    void[:20] = True
    drawn = hatched(GREY, void)
    assert len(np.unique(drawn[:20])) == 2
    assert (drawn[20:] == 120).all()
