"""Cardiac MRI, human scribbles, mean Dice on val: `weakseg experiments recipes/tables/acdc.py`."""

import runpy
from dataclasses import replace
from pathlib import Path

from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]
methods = runpy.run_path(str(recipes / "methods" / "scribbles.py"))
CHOSEN = {
    "Grid-GD": "weight 0.1",
    "Dense-GD": "weight 0.34",
    "gated CRF": "weight 9",
    "joint": "weight 3",
    "soft self-labelling": "weight 0.3",
    "fixed proposals": "weight 0.3",
    "dense CRF proposals": "weight 0.3",
    "trust region, plain": "weight 0.3",
    "trust region, robust": "flip 0.717, weight 32",
}
"""Of fixed proposals and trust region the best setting tried in acdc_tuning.py; the others are published or guessed."""

partial = load_recipe(recipes / "acdc_partial.py")
settings = methods["settings"](4, every=5, prediction_weight=4.6)
chosen = {name: settings[name][setting] for name, setting in CHOSEN.items()}
dense_gd = replace(partial, phases=(replace(partial.phases[0], **chosen["Dense-GD"]),))

table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "acdc_full.py")),
        Row("partial cross entropy", partial),
        Row("partial cross entropy + size rows", load_recipe(recipes / "acdc_sizes.py")),
        *(Row(name, methods["after_warm_up"](partial, 8, changes)) for name, changes in chosen.items()),
        Row("Dense-GD from the start", dense_gd),
        Row("partial cross entropy + Dice", load_recipe(recipes / "acdc_partial_dice.py")),
    ),
    score="mean_dice",
)
