"""Rows of small images."""

import base64
from dataclasses import replace
from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from images import Squares
from PIL import Image

from weakseg.data.sample import Stroke
from weakseg.report.gallery import SIDE_PX, data_uri, row, spread, tags_and_sizes
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

CLASSES = Squares().classes
FULL = Squares()[0]
BARE = replace(FULL, seeds=np.full_like(FULL.seeds, UNLABELED), tags=np.array([UNTOLD, UNTOLD]))


def titles(sample, **segmentations):
    """Captions of a sample's panels."""
    return [panel.title for panel in row(sample, CLASSES, segmentations).panels]


def test_a_row_shows_what_there_is():
    """Weak labels and truth are shown where there are any, segmentations in between."""
    marked = replace(FULL, seeds=np.where(np.eye(FULL.seeds.shape[0], dtype=bool), FULL.seeds, UNLABELED))
    assert titles(marked, guess=FULL.seeds) == ["image", "weak labels", "guess", "truth"]
    assert titles(BARE) == ["image", "truth"]
    assert titles(replace(BARE, truth=None)) == ["image"]
    click = Stroke(1, np.array([[3.0, 3.0]]), 1.0)
    assert "weak labels" in titles(replace(BARE, strokes=(click,)))
    assert "weak labels" in titles(replace(BARE, boxes=np.array([[1.0, 2, 2, 9, 9]])))


def test_a_full_mask_is_not_shown_as_weak_labels():
    """What is judged by was not drawn weakly; as the truth it is shown once."""
    assert titles(FULL, guess=FULL.seeds) == ["image", "guess", "truth"]
    void = np.where(np.arange(FULL.seeds.size).reshape(FULL.seeds.shape) < 40, UNLABELED, FULL.seeds)
    with_void = replace(FULL, seeds=void, truth=void, valid=void != UNLABELED)
    assert titles(with_void) == ["image", "truth"]
    assert "weak labels" in titles(replace(FULL, truth=None))


def test_labels_of_the_same_image_stand_beside_each_other():
    """One panel for each set of labels that draws something of its own."""
    click = replace(BARE, strokes=(Stroke(1, np.array([[3.0, 3.0]]), 1.0),))
    labelled = {"labels · masks": FULL, "labels · clicks": click, "labels · none": BARE}
    panels = row(FULL, CLASSES, {}, labelled=labelled).panels
    assert [panel.title for panel in panels] == ["image", "labels · clicks", "truth"]


def test_small_images_hold_the_whole_image():
    """The longer side has the size of all, the shape stays, and the text is a JPEG."""
    wide = replace(
        BARE,
        image=np.zeros((1, 20, 50), np.float32),
        seeds=np.full((20, 50), UNLABELED),
        valid=np.ones((20, 50), bool),
        truth=None,
    )
    uri = row(wide, CLASSES, {}).panels[0].uri
    head, _, text = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(BytesIO(base64.b64decode(text))).size == (SIDE_PX, SIDE_PX * 20 // 50)


def test_tags_and_sizes_are_said_in_words():
    """Only what somebody said: a full mask needs no tags, and unbounded sizes are none."""
    weak = replace(BARE, areas=np.array([[0.0, 1.0], [0.1, 0.25]]))
    assert tags_and_sizes(FULL, CLASSES) == ()
    assert tags_and_sizes(BARE, CLASSES) == ()
    assert tags_and_sizes(weak, CLASSES) == ("square 10% to 25%",)
    assert tags_and_sizes(replace(BARE, tags=np.array([UNTOLD, PRESENT])), CLASSES) == ("shows square",)
    assert tags_and_sizes(replace(BARE, tags=np.array([UNTOLD, ABSENT])), CLASSES) == ("no square",)
    assert tags_and_sizes(replace(BARE, tags=np.array([PRESENT, ABSENT])), CLASSES) == (
        "shows background",
        "nothing else",
    )


def test_colours_survive_the_encoding():
    """A scribble of three pixels keeps its colour to the eye."""
    image = np.full((64, 64, 3), 128, np.uint8)
    image[30:33] = (0, 128, 0)
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(data_uri(image).split(",")[1])))).astype(int)
    assert np.abs(shown[31] - [0, 128, 0]).max() < 40


@given(st.integers(0, 50), st.integers(1, 60))
def test_spread_indices_are_distinct_and_reach_both_ends(length, most):
    """As many as there are, or as were asked for."""
    indices = spread(length, most)
    assert len(set(indices)) == len(indices) == min(length, most)
    assert indices == sorted(indices)
    assert all(0 <= index < length for index in indices)
    assert not indices or indices[0] == 0
