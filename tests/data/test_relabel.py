"""Promises of samples whose weak labels are replaced."""

import numpy as np

from weakseg.data.relabel import fully_labelled, relabelled
from weakseg.data.sample import Stroke
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD


def sample():
    """Classes 0 and 1 of 5, and a void pixel."""
    truth = np.array([[0, 0, 1], [0, 1, UNLABELED]])
    return fully_labelled("a", np.zeros((1, 2, 3), np.float32), truth, 5)


def test_full_masks_tell_of_every_class():
    """Classes without a pixel are absent, void is no class and no seed."""
    assert sample().tags.tolist() == [PRESENT, PRESENT, ABSENT, ABSENT, ABSENT]
    assert sample().valid.sum() == 5
    assert sample().seeds[1, 2] == UNLABELED


def test_what_is_left_out_nobody_said():
    """No label of the sample stays but its image, mask and valid pixels."""
    bare = relabelled(sample(), 5)
    assert (bare.seeds == UNLABELED).all()
    assert bare.tags.tolist() == [UNTOLD] * 5
    assert bare.areas.tolist() == [[0, 1]] * 5
    assert (len(bare.strokes), len(bare.boxes)) == (0, 0)
    assert bare.truth is not None


def test_whatever_is_drawn_is_present_unless_tags_tell():
    """Seeds, strokes and boxes each say that their class is there; a tag has the last word."""
    seeds = np.full((2, 3), UNLABELED)
    seeds[0, 0] = 0
    drawn = {
        "seeds": seeds,
        "strokes": (Stroke(2, np.zeros((1, 2)), 1.0),),
        "boxes": np.array([[3.0, 0, 0, 1, 1]]),
    }
    assert relabelled(sample(), 5, **drawn).tags.tolist() == [PRESENT, UNTOLD, PRESENT, PRESENT, UNTOLD]
    tags = np.array([UNTOLD, UNTOLD, ABSENT, UNTOLD, UNTOLD])
    assert relabelled(sample(), 5, **drawn, tags=tags).tags.tolist() == [PRESENT, UNTOLD, ABSENT, PRESENT, UNTOLD]
