"""Cardiac MRI, human scribbles, partial cross entropy: the same schedule as recipes/acdc_full.py."""

from dataclasses import replace
from pathlib import Path

from weakseg.recipe.recipe import load_recipe

full = load_recipe(Path(__file__).with_name("acdc_full.py"))
recipe = replace(full, training=replace(full.training, labels=("scribbles",)))
