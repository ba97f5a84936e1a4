"""Blocks cover an image once, and their windows blend to what the whole image gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.evaluation.files.windows import blocks_of, tile_of

SIDES = st.integers(1, 400)


def local(image):
    """Probabilities that depend on the place and on the pixels around it, as far as 8 pixels."""
    padded = np.pad(image[0], 8, mode="constant")
    near = np.stack([padded[dy : dy + image.shape[1], dx : dx + image.shape[2]] for dy in (0, 8, 16) for dx in (0, 16)])
    first = 1 / (1 + np.exp(near.sum(0) - 3))
    return np.stack([first, 1 - first]).astype(np.float32)


def predicted(blocks, image, skip=lambda index: False):
    """Blended probabilities of all blocks, put together."""
    whole = np.full((2, *image.shape[1:]), np.nan, np.float32)
    left = {}
    for index in range(len(blocks)):
        top, start, height, width = blocks.window(index)
        probs = None if skip(index) else local(image[:, top : top + height, start : start + width])
        above, before = (
            None if neighbour is None else left[neighbour][side]
            for side, neighbour in enumerate((blocks.above(index), blocks.before(index)))
        )
        done, left[index] = blocks.blended(index, probs, 2, above, before)
        top, start, height, width = blocks.block(index)
        assert np.isnan(whole[:, top : top + height, start : start + width]).all()
        whole[:, top : top + height, start : start + width] = done
    return whole


@given(SIDES, SIDES, st.integers(64, 200), st.sampled_from([1, 4, 14, 32]))
def test_blocks_cover_every_pixel_once(height, width, window, multiple):
    """Whatever the size, margins of one pixel included; corners of windows divide by the multiple."""
    blocks = blocks_of((height, width), window, multiple, multiple)
    covered = np.zeros((height, width), int)
    for index in range(len(blocks)):
        top, left, high, wide = blocks.block(index)
        covered[top : top + high, left : left + wide] += 1
        window_of = blocks.window(index)
        assert window_of.top % multiple == window_of.left % multiple == 0
        assert blocks.at(top, left) == blocks.at(top + high - 1, left + wide - 1) == index
        assert top % tile_of(blocks) == left % tile_of(blocks) == 0
    assert (covered == 1).all()
    assert tile_of(blocks) % 16 == 0


@pytest.mark.parametrize(
    ("height", "width"), [(257, 321), (129, 300), (128, 128), (400, 33), (20, 700), (1, 9300), (193, 194)]
)
def test_windows_give_what_the_whole_image_gives(height, width):
    """Where the halo holds all that the network sees, to the last digits."""
    image = np.random.default_rng(0).random((1, height, width), np.float32)
    blocks = blocks_of((height, width), 96, 16, 4)
    assert len(blocks) > 1
    assert predicted(blocks, image) == pytest.approx(local(image), abs=2e-6)


def test_one_window_is_the_image_itself():
    """To the bit."""
    image = np.random.default_rng(0).random((1, 100, 90), np.float32)
    blocks = blocks_of((100, 90), 96, 16, 4)
    assert len(blocks) == 1
    assert (predicted(blocks, image) == local(image)).all()


def test_a_window_that_is_left_out_changes_no_class_beside_it():
    """Its neighbours' weights are smaller there, and of the same sign."""
    image = np.random.default_rng(0).random((1, 200, 200), np.float32)
    blocks = blocks_of((200, 200), 96, 16, 4)
    top, left, height, width = blocks.block(0)
    found = predicted(blocks, image, skip=lambda index: index == 0)
    assert (found[:, : height - 4, : width - 4] == 0).all()
    rest = np.ones((200, 200), bool)
    rest[:height, :width] = False
    assert (found.argmax(0) == local(image).argmax(0))[rest].all()
