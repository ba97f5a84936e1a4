"""One image and scribbles: what `segment` promises."""

import numpy as np
import pytest
import torch

from weakseg import segment
from weakseg.cuts import alpha_expansion, in_windows, pyramid
from weakseg.errors import EvidenceInvalid
from weakseg.one_image import large
from weakseg.one_image import segment as segment_module
from weakseg.one_image.rounds import rounds
from weakseg.types import UNLABELED


def flag(channels: int = 3, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three upright stripes of different brightness, a scribble on each (labels 3, 5 and 9), and the truth."""
    truth = np.repeat([3, 5, 9], 12)[None].repeat(24, axis=0)
    levels = np.select([truth == 3, truth == 5], [0.2, 0.5], 0.8)
    image = np.stack([levels] * channels) + np.random.default_rng(0).normal(0, noise, (channels, *truth.shape))
    scribbles = np.full(truth.shape, 255, np.uint8)
    scribbles[10:13, 4::12] = truth[10:13, 4::12]
    return image.clip(0, 1).astype(np.float32), scribbles, truth


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_regions_of_different_colours_are_found(channels):
    """With the labels that were drawn, whatever their numbers, in images of any number of channels."""
    image, scribbles, truth = flag(channels)

    found = segment(image, scribbles, unlabeled=255)

    assert (found.labels == truth).mean() > 0.99
    assert found.bound <= found.energy


def test_scribbles_keep_their_label():
    """Even one drawn on the wrong stripe."""
    image, scribbles, _ = flag()
    scribbles[20, 2:8] = 9

    found = segment(image, scribbles, unlabeled=255)

    assert (found.labels[scribbles != 255] == scribbles[scribbles != 255]).all()


def test_two_labels_are_solved_exactly():
    """The cut is exact, so the bound is the energy."""
    image, scribbles, _ = flag()
    scribbles[scribbles == 9] = 5

    found = segment(image, scribbles, unlabeled=255)

    assert found.status.startswith("Optimal")
    assert found.bound == pytest.approx(found.energy, abs=1e-5)


def test_same_colours_are_told_apart_by_place():
    """In an image of one colour, pixels go with the scribble they are nearest to."""
    scribbles = np.full((20, 40), -1)
    scribbles[:, 2], scribbles[:, 37] = 0, 1

    found = segment(np.full((1, 20, 40), 0.5, np.float32), scribbles)

    assert (found.labels[:, :16] == 0).all()
    assert (found.labels[:, 24:] == 1).all()


@pytest.mark.parametrize("shape", [(1, 30), (30, 1)])
def test_a_line_of_pixels_is_a_image(shape):
    """One row, or one column."""
    image = (np.arange(30) >= 11).astype(np.float32).reshape(1, *shape)
    scribbles = np.full(30, -1)
    scribbles[[2, 25]] = 0, 1

    found = segment(image, scribbles.reshape(shape))

    assert found.labels.ravel().tolist() == [0] * 11 + [1] * 19


def test_the_same_answer_every_time():
    """Nothing is drawn by lot."""
    image, scribbles, _ = flag(noise=0.15)

    first, second = (segment(image, scribbles, unlabeled=255) for _ in range(2))

    assert (first.labels == second.labels).all()
    assert first.energy == second.energy


def test_grey_images_saved_with_more_channels_give_the_same():
    """Copies of a channel change nothing."""
    image, scribbles, _ = flag(1, noise=0.1)

    one, four = segment(image, scribbles, unlabeled=255), segment(image.repeat(4, axis=0), scribbles, unlabeled=255)

    assert (one.labels == four.labels).all()


def test_half_the_resolution_gives_about_the_same():
    """Weights hold for any number of pixels."""
    image, scribbles, _ = flag()
    large = segment(image.repeat(2, axis=1).repeat(2, axis=2), scribbles.repeat(2, 0).repeat(2, 1), unlabeled=255)

    found = segment(image, scribbles, unlabeled=255)

    assert (large.labels[::2, ::2] == found.labels).mean() > 0.99


@pytest.mark.parametrize(
    ("image", "scribbles", "message"),
    [
        ((3, 8, 9), np.full((9, 8), -1), "8 x 9 pixels, the scribbles 9 x 8"),
        ((3, 0, 9), np.full((0, 9), -1), "rows and columns"),
        ((3, 8, 9), np.full((8, 9), -1), "Nothing is drawn"),
        ((3, 8, 9), np.where(np.eye(8, 9) > 0, 4, -1), "Only label 4"),
        ((3, 8, 9), np.eye(8, 9).astype(int), "Every pixel of the scribbles is drawn on"),
    ],
    ids=["sizes", "no pixels", "nothing", "one label", "everything"],
)
def test_scribbles_that_say_too_little_are_refused(image, scribbles, message):
    """The message says what was found."""
    with pytest.raises(EvidenceInvalid, match=message):
        segment(np.zeros(image, np.float32), scribbles)


def test_tensors_are_taken_and_what_is_neither_is_named():
    """As everywhere where something is handed over."""
    image, scribbles, _ = flag()
    found = segment(torch.from_numpy(image), torch.from_numpy(scribbles), unlabeled=255)
    assert (found.labels == segment(image, scribbles, unlabeled=255).labels).all()
    with pytest.raises(EvidenceInvalid, match="image is of type str"):
        segment("image.png", scribbles)
    with pytest.raises(EvidenceInvalid, match="scribbles is of type list"):
        segment(image, scribbles.tolist())


def test_a_image_seen_in_a_mirror_has_the_mirrored_segmentation():
    """Views whose rows or columns run backwards are images like any other."""
    image, scribbles, _ = flag()
    mirrored = segment(image[:, :, ::-1], scribbles[:, ::-1], unlabeled=255).labels
    assert (mirrored[:, ::-1] == segment(image, scribbles, unlabeled=255).labels).mean() > 0.99


@pytest.mark.parametrize("value", [np.nan, 200.0, -0.5])
def test_values_that_are_no_image_are_refused(value):
    """Neither NaN nor 8-bit numbers."""
    image, scribbles, _ = flag()
    image[0, 3, 3] = value

    with pytest.raises(EvidenceInvalid, match="values"):
        segment(image, scribbles, unlabeled=255)


def test_what_does_not_fit_is_refused_before_anything_is_computed(monkeypatch):
    """What the cut would take is told at once, rather than by a machine that swaps."""
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 1 << 24)
    image, scribbles = np.broadcast_to(np.float32(0.5), (3, 600, 700)), np.broadcast_to(0, (600, 700))
    with pytest.raises(EvidenceInvalid, match=r"The image has 600 x 700 pixels .* GiB\.\n.*\nTo do: Solve it"):
        segment(image, scribbles)


def test_cuts_are_told_as_they_are_done():
    """For large images, of which each takes seconds."""
    image, scribbles, _ = flag()
    told = []
    segment(image, scribbles, 255, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(len(told)))
    assert len(told) >= 2
    assert {total for _, total in told} == {4}


@pytest.fixture
def little_is_large(monkeypatch):
    """Images above 300 pixels are large, and learn their colours on fewer than 300 cells."""
    for module in (segment_module, pyramid):
        monkeypatch.setattr(module, "WHOLE", 300)
    monkeypatch.setattr(large, "LEARNT_ON", 300)
    monkeypatch.setattr(large, "STRIP", 100)
    monkeypatch.setattr(in_windows, "SIDE", 16)


def test_large_images_are_found_as_well_and_say_that_they_were_solved_in_windows(little_is_large):
    """With labels, certificate and hundredths of the work."""
    image, scribbles, truth = flag()
    told = []

    found = segment(image, scribbles, 255, lambda done, total: told.append((done, total)))

    assert (found.labels == truth).mean() > 0.99
    assert (found.labels[scribbles != 255] == scribbles[scribbles != 255]).all()
    assert found.status.startswith("Approximate: solved in 4 windows")
    assert found.bound <= found.energy
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert (told[0], told[-1]) == ((0, 100), (100, 100))


def test_costs_of_a_large_image_are_those_of_a_small_one(little_is_large):
    """Strip by strip, in several threads."""
    image, scribbles, _ = flag()
    seeds = np.where(scribbles == 255, UNLABELED, np.searchsorted([3, 5, 9], scribbles)).astype(np.int64)
    whole = rounds(image, seeds, 3, lambda done, total: None)

    unary = large.scores(image, seeds, whole.models, 3, lambda done, total: None)

    np.testing.assert_allclose(unary, whole.problem.unary, atol=1e-5)
    np.testing.assert_allclose(large.edges(image), whole.problem.weight, atol=1e-5)


def test_every_label_keeps_a_cell():
    """Even one whose few pixels share cells with more of another."""
    seeds = np.full((8, 8), UNLABELED)
    seeds[:2, :2], seeds[1, 1], seeds[6, 5] = 0, 1, 2
    assert large.in_cells(seeds, (2, 2), 3).tolist() == [[0, 1], [UNLABELED, 2]]
    seeds[4:, 4:] = 0
    assert large.in_cells(seeds, (4, 4), 2)[0, 0] == 1


def test_labels_whose_only_marks_share_a_cell_of_the_small_copy_both_keep_one():
    """Of a large image; the one that has no other cell takes the nearest free one."""
    seeds = np.full((40, 40), UNLABELED)
    seeds[10, 10], seeds[10, 11], seeds[30:34, 30] = 0, 1, 2
    found = large.in_cells(seeds, (20, 20), 3)
    assert {*np.unique(found).tolist()} == {UNLABELED, 0, 1, 2}
    assert found[5, 5] == 0
    (row,), (column,) = np.nonzero(found == 1)
    assert abs(row - 5) + abs(column - 5) == 1
