"""Image tags alone, on crops that are taken to show every tagged class: what `weakseg train` does with tags.

First the constrained CNN's bounds, soft, so that no class is lost; then the background of most photographs of things,
nearly one class a cell, with edges. A large thing may leave less background, at a price.
"""

from dataclasses import replace
from math import inf
from pathlib import Path

from weakseg import Fit, JointProjection
from weakseg.constraints import All, BackgroundBetween, OfEachView, TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.recipe.recipe import load_recipe

full, tags = (load_recipe(Path(__file__).with_name(f"msrc_things_{name}.py")) for name in ("full", "tags"))
first = tags.phases[0]
soft = replace(first.objective.solver, constraint=OfEachView(first.objective.solver.constraint))
present, most, least = TaggedClassesPresent(0.05, inf, 0), BackgroundBetween(0.0, 0.8), BackgroundBetween(0.6, 1.0, 2.0)
bounds = All((UntaggedClassesAbsent(), present, most, least))
sharp = JointProjection(
    OfEachView(bounds), edge_weight=0.02, temperature=0.1, only_classes_present=False, cell_px=4, max_sweeps=60
)
recipe = replace(
    tags,
    phases=(replace(first, objective=Fit(soft)), replace(first, objective=Fit(sharp), epochs=4)),
    augment=replace(full.augment, zoom=(0.7, 1.1)),
    average=0.99,
    validate_every=12,
)
