"""Tags, and of each class its share of the image, give or take a quarter of it.

The background is held below the .7 that the constrained CNN's paper has for tags, whatever its true share: where a
image has more, its sizes give way, at their price. With true sizes alone the background takes over what is unsure,
and rare classes are never learnt (docs/results.md).
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.constraints import All, BackgroundBetween, SizesWithin, UntaggedClassesAbsent
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import IntervalSizes, Simulated, Tags

bounds = All((UntaggedClassesAbsent(), SizesWithin(), BackgroundBetween(0.0, 0.7, background=0)))

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), IntervalSizes(margin=0.25))),
    phases=(replace(tags.phases[0], objective=Fit(DualProjection(bounds))),),
)
