"""Scribbles on generated scenes by every method, mIoU on val: `weakseg experiments recipes/tables/scenes.py`.

Needs no data: ten minutes on two cores for one seed.
"""

import runpy
from dataclasses import replace
from pathlib import Path

from weakseg.data.simulate.annotators import Scribbles, Tags
from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]
methods = runpy.run_path(str(recipes / "methods" / "scribbles.py"))
CHOSEN = {
    "Grid-GD": "weight 0.03",
    "Dense-GD": "weight 0.34",
    "gated CRF": "weight 1",
    "joint": "weight 3",
    "fixed proposals": "weight 1",
    "dense CRF proposals": "weight 1",
    "trust region, plain": "weight 1",
    "trust region, robust": "flip 0.3, weight 1",
}

partial = load_recipe(recipes / "scenes_partial.py")
settings = methods["settings"](len(partial.training.classes), every=5, prediction_weight=5.0)
compared = {"partial cross entropy": partial} | {
    name: methods["after_warm_up"](partial, 8, settings[name][setting]) for name, setting in CHOSEN.items()
}


def with_dots(recipe):
    return replace(recipe, training=replace(recipe.training, kinds=(Scribbles(length=0.0), Tags())))


table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "scenes_full.py"), (0,)),
        *(Row(f"{name}, scribbles", recipe, (0,)) for name, recipe in compared.items()),
        *(Row(f"{name}, dots", with_dots(recipe), (0,)) for name, recipe in compared.items()),
    ),
)
