"""Cardiac MRI, human scribbles, robust trust region: graph cuts find what the network then follows.

Partial cross entropy alone for the first 8 epochs of the schedule of recipes/acdc_full.py, as a warm-up. The second
paper's own setting at full length, nearly linear in q, was best on held-out patients (recipes/tables/acdc_tuning.py).
"""

from dataclasses import replace
from pathlib import Path

from weakseg import AlphaExpansion, Fit
from weakseg.divergences import RobustCrossEntropy
from weakseg.recipe.recipe import load_recipe

partial = load_recipe(Path(__file__).with_name("acdc_partial.py"))
fit = Fit(AlphaExpansion(prediction_weight=4.6), RobustCrossEntropy(flip=3 / 4.186), weight=32.0)
recipe = replace(
    partial,
    phases=(
        replace(partial.phases[0], epochs=8),
        replace(partial.phases[0], objective=fit, epochs=18, update_targets_every=5),
    ),
)
