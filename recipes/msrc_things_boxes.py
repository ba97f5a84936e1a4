"""Tags, and a tight box around each thing: three quarters of it are filled, and nothing lies outside."""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.papers import paper_boxes
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import Boxes, Simulated, Tags

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), Boxes())),
    phases=(replace(tags.phases[0], objective=Fit(DualProjection(paper_boxes()))),),
)
