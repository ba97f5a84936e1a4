"""Tags, and a tight box around each thing: three quarters of it are filled, and nothing lies outside."""

from dataclasses import replace
from pathlib import Path

from weakseg import Boxes, DualProjection, Fit, Simulated, Tags, paper_boxes
from weakseg.train.recipe import load_recipe

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), Boxes())),
    phases=(replace(tags.phases[0], objective=Fit(DualProjection(paper_boxes()))),),
)
