"""Fifteen things before a background, image tags alone: the constrained CNN with its paper's bounds.

Whole images, because a tag says nothing of a crop. A lower rate and fewer epochs than with full masks: on the
held-out part of train 2e-4 was better than 5e-4 for every method that learns from tags.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit, Phase
from weakseg.papers import paper_tags
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import Simulated, Tags

full = load_recipe(Path(__file__).with_name("msrc_things_full.py"))
recipe = replace(
    full,
    training=Simulated(full.training, (Tags(),)),
    phases=(Phase(Fit(DualProjection(paper_tags(background=0))), epochs=8, learning_rate=2e-4),),
    augment=replace(full.augment, crop=None, zoom=(0.75, 1.0)),
    validate_every=8,
)
