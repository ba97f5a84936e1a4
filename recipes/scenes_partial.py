"""Generated scenes, simulated scribbles, partial cross entropy: the schedule of recipes/scenes_full.py."""

from dataclasses import replace
from pathlib import Path

from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import Scribbles, Simulated, Tags

full = load_recipe(Path(__file__).with_name("scenes_full.py"))
recipe = replace(full, training=Simulated(full.training, (Scribbles(), Tags())))
