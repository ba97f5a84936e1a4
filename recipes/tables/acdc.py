"""Cardiac MRI, mean Dice on val: `weakseg experiments recipes/tables/acdc.py`."""

from pathlib import Path

from weakseg.commands.experiments import Row, Table
from weakseg.train.recipe import load_recipe

recipes = Path(__file__).parents[1]

table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "acdc_full.py")),
        Row("partial cross entropy", load_recipe(recipes / "acdc_partial.py")),
        Row("partial cross entropy + size rows", load_recipe(recipes / "acdc_sizes.py")),
        Row("partial cross entropy + Dice", load_recipe(recipes / "acdc_partial_dice.py")),
    ),
    score="mean_dice",
)
