"""Fifteen things before a background, image tags alone: the constrained CNN, with the bounds of its paper.

Whole pictures, because a tag says nothing of a crop; else the schedule of recipes/msrc_things_full.py.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit, Simulated, Tags, paper_tags
from weakseg.train.recipe import load_recipe

full = load_recipe(Path(__file__).with_name("msrc_things_full.py"))
recipe = replace(
    full,
    training=Simulated(full.training, (Tags(),)),
    phases=(replace(full.phases[0], objective=Fit(DualProjection(paper_tags(background=0)))),),
    augment=replace(full.augment, crop=None, zoom=(0.75, 1.0)),
)
