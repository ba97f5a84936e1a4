"""Tags and, of each class, its share of the image, give or take a quarter: what `weakseg train` does with sizes.

As msrc_things_tags_crops.py, and then each class at its size. True sizes from the first step lose rare classes.
"""

from dataclasses import replace
from math import inf
from pathlib import Path

from weakseg import Fit
from weakseg.constraints import All, OfEachView, SizesWithin, UntaggedClassesAbsent
from weakseg.recipe.recipe import load_recipe

tags, sizes = (
    load_recipe(Path(__file__).with_name(f"msrc_things_{name}.py")) for name in ("tags_crops", "interval_sizes")
)
first, then = tags.phases
bounds = OfEachView(All((UntaggedClassesAbsent(), SizesWithin(inf))))
recipe = replace(
    tags,
    training=sizes.training,
    phases=(first, replace(then, objective=Fit(replace(then.objective.solver, constraint=bounds)))),
)
