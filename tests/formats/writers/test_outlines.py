"""Outlines of masks: filled again, they are the masks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from weakseg.formats.writers.outlines import outlines
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Polygon

MASKS = arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 10)))


@given(mask=MASKS)
def test_filling_gives_the_mask_back(mask):
    """Part by part, without overlaps; areas that touch by a corner alone are parts of their own."""
    found, parts = np.zeros(mask.shape, bool), outlines(mask)
    for part in parts:
        patch = pixels_of(Polygon((tuple(ring.astype(float) for ring in part),)), mask.shape)
        filled = patch.on(found)
        assert not (filled & patch.inside).any()
        filled |= patch.inside
    assert (found == mask).all()
    assert len(parts) == ndimage.label(mask)[1]


@given(mask=MASKS)
def test_rings_turn_at_every_corner(mask):
    """Along rows and columns in turn, clockwise around areas and the other way around holes."""
    for part in outlines(mask):
        for number, ring in enumerate(part):
            steps = np.roll(ring, -1, 0) - ring
            assert ((steps != 0).sum(1) == 1).all()
            assert ((steps[:, 0] != 0) != (np.roll(steps, -1, 0)[:, 0] != 0)).all()
            area = (ring[:, 1] * np.roll(steps, 0, 0)[:, 0]).sum()
            assert (area > 0) == (number == 0)
