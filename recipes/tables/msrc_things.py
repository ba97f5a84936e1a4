"""Fifteen things before a background, mIoU on val: `weakseg experiments recipes/tables/msrc_things.py`."""

from pathlib import Path

from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]

table = Table(rows=(Row("full supervision", load_recipe(recipes / "msrc_things_full.py")),))
