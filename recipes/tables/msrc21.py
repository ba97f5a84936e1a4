"""Natural scenes, mIoU on val over scribble length: `weakseg experiments recipes/tables/msrc21.py`.

The second paper's table 1: each method at each length, three seeds at the ends and one between.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import AlphaExpansion, CrossEntropy, Fit, GridPotts, Regularize, SeedsOnly, Sum
from weakseg.commands.experiments import Row, Table
from weakseg.data.simulate import Scribbles
from weakseg.train.recipe import load_recipe

recipes = Path(__file__).parents[1]
SEEDS = {0.0: (0, 1, 2), 0.3: (0,), 0.5: (0,), 0.8: (0,), 1.0: (0, 1, 2)}

trust_region = load_recipe(recipes / "msrc21_trust_region.py")
warm_up, followed = trust_region.phases


def after_warm_up(objective):
    return replace(trust_region, phases=(warm_up, replace(followed, objective=objective)))


proposals = replace(followed.objective, solver=AlphaExpansion(prediction_weight=0.0), every_epochs=followed.epochs)
methods = {
    "partial cross entropy": load_recipe(recipes / "msrc21_partial.py"),
    "Grid-GD": after_warm_up(Sum((Fit(SeedsOnly()), Regularize(GridPotts(), weight=0.1)))),
    "fixed proposals": after_warm_up(proposals),
    "trust region, plain cross entropy": after_warm_up(replace(followed.objective, divergence=CrossEntropy())),
    "robust trust region": trust_region,
}


def at_length(name: str, length: float) -> Row:
    shorter = replace(methods[name].training, kinds=(Scribbles(length=length),))
    return Row(f"{name}, length {length:g}", replace(methods[name], training=shorter), SEEDS[length])


table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "msrc21_full.py")),
        *(at_length(name, length) for name in methods for length in SEEDS),
    ),
)
