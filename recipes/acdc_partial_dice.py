"""Cardiac MRI, human scribbles, partial cross entropy and partial Dice: otherwise as recipes/acdc_partial.py."""

from dataclasses import replace
from pathlib import Path

from weakseg import Fit, PartialDice, SeedsOnly, Sum
from weakseg.recipe.recipe import load_recipe

partial = load_recipe(Path(__file__).with_name("acdc_partial.py"))
phase = replace(partial.phases[0], objective=Sum((Fit(SeedsOnly()), PartialDice())))
recipe = replace(partial, phases=(phase,))
