"""Stage A of the studio by itself: where it is unsure, and what starting from an earlier answer changes.

WEAKSEG_SEQUENCES=1000 draws a thousand sequences.
"""

import os

import numpy as np

from weakseg.datasets import Scenes
from weakseg.studio.labels.layers import Layers, applied
from weakseg.studio.labels.mark import Eraser, Stroke
from weakseg.studio.stage_a import answer
from weakseg.types import UNLABELED, Classes

SEQUENCES = int(os.environ.get("WEAKSEG_SEQUENCES", "6"))
EDITS = 4


def test_an_answer_from_an_earlier_one_is_as_good_as_a_cold_one():
    """Random strokes and erasers: its energy is never above that of a cold start."""
    scenes, compared = Scenes(12, seed=3), 0
    index = {name: number for number, name in enumerate(scenes.classes.names)}
    for sequence in range(SEQUENCES):
        random, sample = np.random.default_rng(sequence), scenes[sequence % len(scenes)]
        assert sample.truth is not None
        height, width = sample.truth.shape
        layers, start = Layers(np.full((height, width), UNLABELED), (), (), (UNLABELED,) * len(index)), None
        for _ in range(EDITS):
            y, x = int(random.integers(height)), int(random.integers(width))
            far = random.integers(-12, 12, 2)
            points = ((float(x), float(y)), (np.clip(x + far[0], 0, width - 1.0), np.clip(y + far[1], 0, height - 1.0)))
            name = scenes.classes.names[int(sample.truth[y, x])]
            mark = Eraser(points, 3.0) if random.random() < 0.2 else Stroke(name, points, 3.0)
            layers = applied(layers, mark, index)
            cold = answer(sample.image, layers, scenes.classes, None, 1)
            warm = answer(sample.image, layers, scenes.classes, None, 1, start)
            start = warm.labels
            if cold.labels is not None:
                assert warm.energy <= cold.energy + 1e-5, sequence
                compared += 1
    assert compared > SEQUENCES


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
