"""Natural scenes, simulated scribbles at full length, robust trust region.

Partial cross entropy alone for the first 4 epochs of the schedule of recipes/msrc21_full.py, as a warm-up.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import AlphaExpansion, Fit
from weakseg.divergences import RobustCrossEntropy
from weakseg.recipe.recipe import load_recipe

partial = load_recipe(Path(__file__).with_name("msrc21_partial.py"))
fit = Fit(AlphaExpansion(prediction_weight=5.0), RobustCrossEntropy(flip=0.3), weight=0.3)
recipe = replace(
    partial,
    phases=(
        replace(partial.phases[0], epochs=4),
        replace(partial.phases[0], objective=fit, epochs=10, update_targets_every=4),
    ),
)
