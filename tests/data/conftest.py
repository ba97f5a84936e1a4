"""Images made for the tests of this room."""

import numpy as np
import pytest
from farms import lay_out

from weakseg.data.sample import Sample
from weakseg.types import UNLABELED, UNTOLD


@pytest.fixture(scope="session")
def rectangle_sample():
    """Makes a sample that shows a bright rectangle of class 1, with its mask as seeds and its box."""

    def make(size=(40, 56), box=(10, 12, 26, 40), void=None, strokes=()):
        inside = np.zeros(size, bool)
        inside[box[0] : box[2], box[1] : box[3]] = True
        valid = np.ones(size, bool)
        if void is not None:
            valid[void] = False
        return Sample(
            key="rectangle",
            image=inside[None].astype(np.float32),
            seeds=np.where(valid, np.where(inside, 1, UNLABELED), UNLABELED),
            valid=valid,
            strokes=strokes,
            tags=np.full(3, UNTOLD),
            areas=np.tile([0.0, 1.0], (3, 1)),
            boxes=np.array([[1.0, *box]]),
            truth=None,
        )

    return make


@pytest.fixture
def sound_farm(tmp_path):
    """A data folder without a fault."""
    return lay_out(tmp_path)
