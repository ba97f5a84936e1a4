"""Pascal VOC 2012, boxes: three quarters of each filled, nothing outside; section 7.4 of the paper, as in tags.py."""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.papers import paper_boxes
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import Boxes, Simulated, Tags

tags = load_recipe(Path(__file__).with_name("tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), Boxes())),
    phases=tuple(replace(phase, objective=Fit(DualProjection(paper_boxes()))) for phase in tags.phases),
)
