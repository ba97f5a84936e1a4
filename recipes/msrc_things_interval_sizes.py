"""Tags, and of each class its share of the picture, give or take a quarter of it."""

from dataclasses import replace
from pathlib import Path

from weakseg import All, DualProjection, Fit, IntervalSizes, Simulated, SizesWithin, Tags, UntaggedClassesAbsent
from weakseg.train.recipe import load_recipe

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), IntervalSizes(margin=0.25))),
    phases=(replace(tags.phases[0], objective=Fit(DualProjection(All((UntaggedClassesAbsent(), SizesWithin()))))),),
)
