"""Natural scenes, simulated scribbles at full length, Dense-GD from the first step; else recipes/msrc21_dense_gd.py."""

from dataclasses import replace
from pathlib import Path

from weakseg.recipe.recipe import load_recipe

two_phases = load_recipe(Path(__file__).with_name("msrc21_dense_gd.py"))
recipe = replace(two_phases, phases=(replace(two_phases.phases[1], epochs=two_phases.epochs),))
