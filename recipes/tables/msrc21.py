"""Natural scenes, mIoU on val over scribble length: `weakseg experiments recipes/tables/msrc21.py`.

The second paper's table 1: each method at each length, three seeds at the ends and one between.
"""

import runpy
from dataclasses import replace
from pathlib import Path

from weakseg.data.simulate.annotators import Scribbles
from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]
methods = runpy.run_path(str(recipes / "methods" / "scribbles.py"))
SEEDS = {0.0: (0, 1, 2), 0.3: (0,), 0.5: (0,), 0.8: (0,), 1.0: (0, 1, 2)}
THRICE = "partial cross entropy", "trust region, robust"
"""Over three seeds at every length."""
CHOSEN = {
    "Grid-GD": "weight 0.1",
    "Dense-GD": "weight 0.34",
    "gated CRF": "weight 9",
    "joint": "weight 3",
    "soft self-labelling": "weight 0.3",
    "fixed proposals": "weight 0.3",
    "trust region, plain": "weight 0.3",
    "trust region, robust": "flip 0.3, weight 0.3",
}
"""Of trust region the best setting tried in msrc21_tuning.py; the others are published or guessed."""

partial = load_recipe(recipes / "msrc21_partial.py")
settings = methods["settings"](23, every=4, prediction_weight=5.0)
chosen = {name: settings[name][setting] for name, setting in CHOSEN.items()}
robust = chosen["trust region, robust"]
for cell_px in (4, 2):
    fit = robust["objective"]
    in_cells = replace(fit, solver=replace(fit.solver, cell_px=cell_px))
    chosen[f"trust region, robust, cells of {cell_px} pixels"] = robust | {"objective": in_cells}
compared = {"partial cross entropy": partial} | {
    name: methods["after_warm_up"](partial, 4, changes) for name, changes in chosen.items()
}


def at_length(name: str, length: float) -> Row:
    shorter = replace(partial.training, kinds=(Scribbles(length=length),))
    seeds = SEEDS[0.0 if name in THRICE else length]
    return Row(f"{name}, length {length:g}", replace(compared[name], training=shorter), seeds)


table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "msrc21_full.py")),
        *(at_length(name, length) for name in compared for length in SEEDS),
    ),
)
