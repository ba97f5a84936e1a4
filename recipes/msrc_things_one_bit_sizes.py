"""Tags, and of each thing whether it covers more or less than the median thing of the training images."""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.constraints import All, BackgroundBetween, LargeOrSmall, UntaggedClassesAbsent
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import OneBitSizes, Simulated, Tags

MEDIAN = 0.234
bounds = All(
    (
        UntaggedClassesAbsent(),
        LargeOrSmall(MEDIAN, large_at_least=MEDIAN, small_at_most=MEDIAN, background=0),
        BackgroundBetween(0.2, 0.7, background=0),
    )
)

tags = load_recipe(Path(__file__).with_name("msrc_things_tags.py"))
recipe = replace(
    tags,
    training=Simulated(tags.training.samples, (Tags(), OneBitSizes(MEDIAN))),
    phases=(replace(tags.phases[0], objective=Fit(DualProjection(bounds))),),
)
