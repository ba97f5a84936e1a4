"""Where stage A of the studio is unsure."""

import numpy as np

from weakseg.studio.labels.layers import Layers
from weakseg.studio.stage_a import answer
from weakseg.types import UNLABELED, Classes


def test_it_is_unsure_where_the_labels_say_little():
    """A grey that lies between two drawn colours, and not those colours."""
    image = np.empty((3, 30, 90), np.float32)
    image[:, :, :30], image[:, :, 30:60], image[:, :, 60:] = 0.1, 0.5, 0.9
    seeds = np.full((30, 90), UNLABELED)
    seeds[10:20, 5], seeds[10:20, 84] = 0, 1
    layers = Layers(seeds, (), (), (UNLABELED, UNLABELED))
    unsure = answer(image, layers, Classes(("dark", "light")), None, 1).unsure
    assert unsure is not None
    assert unsure[:, 42:48].mean() > 0.3
    assert not unsure[:, :25].any()
    assert not unsure[:, 65:].any()
