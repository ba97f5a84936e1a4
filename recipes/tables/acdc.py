"""Cardiac MRI, human scribbles, mean Dice on val: `weakseg experiments recipes/tables/acdc.py`."""

from dataclasses import replace
from pathlib import Path

from weakseg import AlphaExpansion, CrossEntropy, Fit, GridPotts, Regularize, SeedsOnly, Sum
from weakseg.commands.experiments import Row, Table
from weakseg.train.recipe import load_recipe

recipes = Path(__file__).parents[1]
trust_region = load_recipe(recipes / "acdc_trust_region.py")
warm_up, followed = trust_region.phases


def after_warm_up(objective):
    return replace(trust_region, phases=(warm_up, replace(followed, objective=objective)))


grid_gd = Sum((Fit(SeedsOnly()), Regularize(GridPotts(), weight=0.1)))
proposals = replace(followed.objective, solver=AlphaExpansion(prediction_weight=0.0), every_epochs=followed.epochs)
plain = replace(followed.objective, divergence=CrossEntropy())

table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "acdc_full.py")),
        Row("partial cross entropy", load_recipe(recipes / "acdc_partial.py")),
        Row("partial cross entropy + size rows", load_recipe(recipes / "acdc_sizes.py")),
        Row("robust trust region", trust_region),
        Row("trust region, plain cross entropy", after_warm_up(plain), (0,)),
        Row("fixed proposals", after_warm_up(proposals), (0,)),
        Row("Grid-GD", after_warm_up(grid_gd), (0,)),
        Row("partial cross entropy + Dice", load_recipe(recipes / "acdc_partial_dice.py")),
    ),
    score="mean_dice",
)
