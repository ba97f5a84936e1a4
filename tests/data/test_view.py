"""A window moves the image and everything that was said about it together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.sample import Stroke
from weakseg.data.view import collate, view, whole
from weakseg.types import UNLABELED

SIZE = (40, 56)


@st.composite
def windows(draw):
    """Crops, zooms and flips of both axes that show something of the image, at odd positions."""
    steps = [draw(st.floats(0.4, 2.2)) * draw(st.sampled_from([1, -1])) for _ in SIZE]
    size = (draw(st.integers(5, 40)), draw(st.integers(5, 40)))
    # The view's centre shows a pixel of the image; the odd fraction keeps edges off pixel centres.
    at = [draw(st.integers(0, extent - 1)) + 0.1234567 for extent in SIZE]
    return np.array(
        [
            [steps[0], 0, at[0] - steps[0] * (size[0] // 2)],
            [0, steps[1], at[1] - steps[1] * (size[1] // 2)],
        ]
    ), size


def noise(sample, channels=2):
    """The same sample with an image that has no symmetry."""
    generator = np.random.default_rng(0)
    return replace(sample, image=generator.random((channels, *sample.valid.shape)).astype(np.float32))


def picked_up(batch, sample):
    """A sample that shows what a view shows."""
    weak = batch.weak
    return replace(
        sample,
        image=batch.image[0].numpy(),
        seeds=weak.seeds[0].numpy(),
        valid=weak.valid[0].numpy(),
        boxes=weak.boxes[0].double().numpy(),
        strokes=(),
    )


def source(window, size):
    """(row, column) in the image of every view pixel."""
    row, column = np.indices(size)
    return window[0, 0] * row + window[0, 2], window[1, 1] * column + window[1, 2]


def test_the_whole_window_shows_the_image_as_it_is(rectangle_sample):
    """Without a window nothing changes: not a value, not a label, not a box."""
    sample = noise(rectangle_sample(void=np.s_[:, 50:]))

    batch = view(sample, whole(), SIZE, remembered=sample.seeds + 1)

    torch.testing.assert_close(batch.image[0], torch.from_numpy(sample.image), atol=1e-5, rtol=0)
    assert (batch.weak.seeds[0].numpy() == sample.seeds).all()
    assert (batch.weak.valid[0].numpy() == sample.valid).all()
    assert batch.weak.boxes[0].tolist() == sample.boxes.tolist()
    assert batch.targets is not None
    assert (batch.targets[0].numpy() == sample.seeds + 1).all()
    assert batch.keys == ("rectangle",)
    assert batch.weak.visible_share.item() == 1


def test_convention_a_crop_shows_exactly_those_pixels(rectangle_sample):
    """(row, column), pixel centres at integers: a window moved by (3, 7) starts at image[3, 7]."""
    sample = noise(rectangle_sample())

    batch = view(sample, np.array([[1.0, 0, 3], [0, 1.0, 7]]), (20, 30))

    expected = torch.from_numpy(sample.image[:, 3:23, 7:37])
    torch.testing.assert_close(batch.image[0], expected, atol=1e-5, rtol=0)
    assert (batch.weak.seeds[0].numpy() == sample.seeds[3:23, 7:37]).all()
    assert batch.weak.boxes[0].tolist() == [[1, 7, 5, 23, 33]]


def test_convention_half_a_pixel_lies_between_two(rectangle_sample):
    """Bilinear sampling at column 0.5 is the mean of the columns 0 and 1."""
    sample = noise(rectangle_sample())

    batch = view(sample, np.array([[1.0, 0, 0], [0, 1.0, 0.5]]), (40, 55))

    expected = torch.from_numpy((sample.image[:, :, :-1] + sample.image[:, :, 1:]) / 2)
    torch.testing.assert_close(batch.image[0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_flip_mirrors_everything_and_twice_is_nothing(rectangle_sample, axis):
    """Mirrored arrays, mirrored boxes; and back."""
    sample, window = noise(rectangle_sample(void=np.s_[:7, 50:])), whole()
    window[axis, axis], window[axis, 2] = -1, SIZE[axis] - 1

    once = view(sample, window, SIZE)
    twice = view(picked_up(once, sample), window, SIZE)

    mirrored = torch.from_numpy(np.flip(sample.image, axis + 1).copy())
    torch.testing.assert_close(once.image[0], mirrored, atol=1e-5, rtol=0)
    assert (once.weak.seeds[0].numpy() == np.flip(sample.seeds, axis)).all()
    assert (once.weak.valid[0].numpy() == np.flip(sample.valid, axis)).all()
    torch.testing.assert_close(twice.image[0], torch.from_numpy(sample.image), atol=1e-4, rtol=0)
    assert (twice.weak.seeds[0].numpy() == sample.seeds).all()
    assert twice.weak.boxes[0].tolist() == sample.boxes.tolist()


@given(windows())
def test_image_labels_and_box_stay_together(rectangle_sample, drawn):
    """A rectangle in the image, its mask and its box agree in every window."""
    window, size = drawn

    batch = view(rectangle_sample(), window, size)

    _, top, left, bottom, right = batch.weak.boxes[0][0].double().tolist()
    row, column = np.indices(size)
    # A half-open range holds the pixels whose centres lie within it, edges half a pixel before the first centre.
    inside = (row >= top - 0.5) & (row < bottom - 0.5) & (column >= left - 0.5) & (column < right - 0.5)
    assert ((batch.weak.seeds[0].numpy() == 1) == inside).all()
    shown, seen = batch.image[0, 0].numpy(), batch.weak.valid[0].numpy()
    assert (shown[inside & seen] >= 0.25 - 1e-4).all()
    assert (shown[~inside & seen] <= 0.5 + 1e-4).all()


@given(windows())
def test_valid_means_that_the_image_is_there(rectangle_sample, drawn):
    """Outside the image nothing is valid, marked or remembered, and the image's mean fills the view."""
    window, size = drawn
    sample = rectangle_sample()

    batch = view(sample, window, size, remembered=np.ones(SIZE, int))

    row, column = source(window, size)
    there = (row >= -0.5) & (row < SIZE[0] - 0.5) & (column >= -0.5) & (column < SIZE[1] - 0.5)
    assert (batch.weak.valid[0].numpy() == there).all()
    assert batch.targets is not None
    assert (batch.targets[0].numpy() == np.where(there, 1, UNLABELED)).all()
    far = (row < -1) | (row > SIZE[0]) | (column < -1) | (column > SIZE[1])
    assert np.allclose(batch.image[0, 0].numpy()[far], sample.image.mean(), atol=1e-5)


@given(windows(), st.floats(1, 5))
def test_strokes_keep_their_place_in_the_image_and_their_width_in_the_view(rectangle_sample, drawn, width_px):
    """What a stroke marks lies around it, in pixels of the view, whatever the zoom."""
    window, size = drawn
    points = np.array([[5.0, 5.0], [5.0, 50.0]])
    sample = replace(rectangle_sample(strokes=(Stroke(2, points, width_px),)), seeds=np.full(SIZE, UNLABELED))

    batch = view(sample, window, size)

    row, column = source(window, size)
    away = np.hypot((row - 5) / window[0, 0], (column - column.clip(5, 50)) / window[1, 1])
    seen, on = batch.weak.valid[0].numpy(), batch.weak.seeds[0].numpy() == 2
    assert on[seen & (away <= width_px / 2 - 1e-6)].all()
    assert not on[away > max(width_px / 2, 0.5**0.5) + 1e-6].any()


@given(windows())
def test_seeds_never_lie_on_invalid_pixels(rectangle_sample, drawn):
    """Neither void pixels nor padding are taught, even where a stroke crosses them."""
    stroke = Stroke(2, np.array([[0.0, 0.0], [39.0, 55.0]]), 3.0)

    batch = view(rectangle_sample(void=np.s_[5:30, 20:35], strokes=(stroke,)), *drawn)

    assert (batch.weak.seeds[~batch.weak.valid] == UNLABELED).all()
    assert not (batch.weak.hidden & ~batch.weak.valid).any()


def test_strokes_are_drawn_over_seeds_in_order(rectangle_sample):
    """Later strokes win."""
    strokes = tuple(Stroke(label, np.array([[15.0, 20.0]]), 1.0) for label in (0, 2))

    batch = view(rectangle_sample(strokes=strokes), whole(), SIZE)

    assert batch.weak.seeds[0, 15, 20] == 2
    assert batch.weak.seeds[0, 15, 21] == 1


@given(st.integers(0, 20), st.integers(0, 30), st.integers(1, 20), st.integers(1, 26))
def test_the_visible_share_of_a_crop_is_counted(rectangle_sample, top, left, height, width):
    """Share of the whole image's valid pixels, void excluded on both sides."""
    sample = rectangle_sample(void=np.s_[5:30, 20:35])

    batch = view(sample, np.array([[1.0, 0, top], [0, 1.0, left]]), (height, width))

    expected = sample.valid[top : top + height, left : left + width].sum() / sample.valid.sum()
    assert batch.weak.visible_share.item() == pytest.approx(expected, abs=1e-6)
    assert batch.weak.whole_valid.item() == sample.valid.sum()


@pytest.mark.parametrize("zoom", [0.5, 2.0, 3.0])
def test_the_visible_share_does_not_depend_on_the_zoom(rectangle_sample, zoom):
    """The left half of an image is half of it at every magnification."""
    size = (int(40 * zoom), int(28 * zoom))
    corner = 0.5 / zoom - 0.5

    batch = view(rectangle_sample(), np.array([[1 / zoom, 0, corner], [0, 1 / zoom, corner]]), size)

    assert batch.weak.visible_share.item() == pytest.approx(0.5, abs=1e-6)


def test_collated_views_keep_their_own_and_are_padded_with_invalid_pixels(rectangle_sample):
    """Padding is invalid and unmarked, and it changes no view's visible share."""
    sample = rectangle_sample()
    views = [view(sample, whole(), size, remembered=sample.seeds) for size in ((20, 30), (12, 50))]

    batch = collate(views)

    assert batch.image.shape == (2, 1, 20, 50)
    for at, single in enumerate(views):
        height, width = single.image.shape[2:]
        assert (batch.image[at, :, :height, :width] == single.image[0]).all()
        assert (batch.weak.seeds[at, :height, :width] == single.weak.seeds[0]).all()
        assert batch.weak.valid[at].sum() == single.weak.valid.sum()
        assert (batch.weak.seeds[at][~batch.weak.valid[at]] == UNLABELED).all()
        assert (batch.weak.boxes[at] == single.weak.boxes[0]).all()
    assert batch.keys == ("rectangle", "rectangle")
    assert batch.weak.visible_share.tolist() == [v.weak.visible_share.item() for v in views]
    assert batch.targets is not None
    assert (batch.targets[0, :20, :30] == views[0].weak.seeds[0]).all()


def test_a_batch_remembers_only_if_every_image_does(rectangle_sample):
    """A target for half of a batch is none."""
    sample = rectangle_sample()

    batch = collate([view(sample, whole(), SIZE, sample.seeds), view(sample, whole(), SIZE)])

    assert batch.targets is None
