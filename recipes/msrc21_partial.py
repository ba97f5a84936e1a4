"""Natural scenes, simulated scribbles at full length, partial cross entropy: the schedule of recipes/msrc21_full.py."""

from dataclasses import replace
from pathlib import Path

from weakseg.data.simulate.annotators import Scribbles, Simulated
from weakseg.recipe.recipe import load_recipe

full = load_recipe(Path(__file__).with_name("msrc21_full.py"))
recipe = replace(full, training=Simulated(full.training, (Scribbles(length=1.0),)))
