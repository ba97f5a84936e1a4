"""Several appearances at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from weakseg import Batch, Evidence
from weakseg.appearance import Appearances, BoxColors, ScribbleDensities
from weakseg.errors import RecipeInvalid


def test_costs_add_up_and_what_is_not_marked_says_nothing():
    """An image with scribbles and a box has both, one with a box alone the colours of its box."""
    generator = np.random.default_rng(0)
    image = generator.random((1, 3, 32, 32)).astype(np.float32)
    seeds = np.full((1, 32, 32), -1)
    seeds[0, 2, 2:9], seeds[0, 20, 12:20] = 0, 1
    box = (torch.tensor([[1.0, 8, 8, 28, 28]]),)
    for marks in (seeds, np.full_like(seeds, -1)):
        batch = Batch.of(image, 2, seeds=marks)
        evidence = Evidence(batch.image, torch.full((1, 2, 8, 8), 0.5).log(), replace(batch.weak, boxes=box))
        both = Appearances((ScribbleDensities(), BoxColors()))(evidence, (8, 8))
        drawn, boxed = ScribbleDensities()(evidence, (8, 8)), BoxColors()(evidence, (8, 8))
        assert torch.equal(both, drawn + boxed)
        assert bool(drawn.any()) == bool((marks != -1).any())


@pytest.mark.parametrize("parts", [(), (BoxColors,)])
def test_what_is_no_appearance_is_refused(parts):
    """By name; a class in the place of an instance too."""
    with pytest.raises(RecipeInvalid, match="Appearances"):
        Appearances(parts)
