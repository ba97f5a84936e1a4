"""Image tags alone, on crops that are taken to show every tagged class: what `weakseg train` does with tags.

First the constrained CNN's bounds, soft, so that no class is lost; then the background of most photographs of things,
nearly one class a cell, with edges.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import All, BackgroundBetween, Fit, JointProjection, OfEachView, TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.train.recipe import load_recipe

full, tags = (load_recipe(Path(__file__).with_name(f"msrc_things_{name}.py")) for name in ("full", "tags"))
first = tags.phases[0]
soft = replace(first.objective.solver, constraint=OfEachView(first.objective.solver.constraint))
bounds = All((UntaggedClassesAbsent(), TaggedClassesPresent(0.05, background=0), BackgroundBetween(0.6, 0.8)))
sharp = JointProjection(
    OfEachView(bounds), edge_weight=0.02, temperature=0.1, only_classes_present=False, cell_px=4, max_sweeps=60
)
recipe = replace(
    tags,
    phases=(replace(first, objective=Fit(soft)), replace(first, objective=Fit(sharp), epochs=4)),
    augment=replace(full.augment, zoom=(0.7, 1.1)),
    validate_every=12,
)
