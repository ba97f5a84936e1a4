"""A volume from scribbles on some of its slices."""

import numpy as np
import pytest

from weakseg.errors import EvidenceInvalid
from weakseg.one_image import segment_volume as room
from weakseg.one_image.segment_volume import segment_volume


def ball(noise: float = 0.05):
    """A bright ball in the dark, and scribbles of 3 on it and 7 beside it, on the middle slice alone."""
    z, y, x = np.indices((7, 20, 20))
    inside = ((z - 3) * 3.0) ** 2 + (y - 10.0) ** 2 + (x - 10.0) ** 2 < 64
    values = 0.2 + 0.5 * inside + noise * np.random.default_rng(0).normal(size=inside.shape)
    scribbles = np.zeros(inside.shape, np.uint8)
    scribbles[3, 9:12, 8:12], scribbles[3, 1, 2:18], scribbles[0, 2, 2:8] = 3, 7, 7
    return values.clip(0, 1).astype(np.float32), scribbles, np.where(inside, 3, 7)


def test_scribbles_on_one_slice_find_the_ball_on_all():
    """With the labels that were drawn, kept where they were drawn, and sure of them."""
    values, scribbles, truth = ball()
    found = segment_volume(values, scribbles, 0, 3.0)
    assert (found.labels == truth).mean() > 0.98
    drawn = scribbles > 0
    assert (found.labels[drawn] == scribbles[drawn]).all()
    assert (found.probability[drawn] == 1).all()
    assert 0 <= found.gap < 0.01
    assert found.cell_px == 1


def test_a_large_volume_is_solved_in_larger_cells(monkeypatch):
    """And still on every voxel."""
    values, scribbles, truth = ball()
    monkeypatch.setattr(room, "CELLS", 7 * 10 * 10)
    found = segment_volume(values, scribbles, 0, 3.0)
    assert found.cell_px == 2
    assert (found.labels == truth).mean() > 0.95


def test_what_cannot_be_solved_is_refused():
    """What was found, and what to do."""
    values, scribbles, _ = ball()
    with pytest.raises(EvidenceInvalid, match="one shape"):
        segment_volume(values, scribbles[1:], 0, 3.0)
    with pytest.raises(EvidenceInvalid, match="finite values"):
        segment_volume(values * 3, scribbles, 0, 3.0)
    with pytest.raises(EvidenceInvalid, match="hold 1 labels besides 0"):
        segment_volume(values, np.where(scribbles == 7, 0, scribbles), 0, 3.0)
