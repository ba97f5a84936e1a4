"""Natural scenes, simulated scribbles at full length, Dense-GD in two phases: the dense CRF as a loss.

Partial cross entropy alone for the first 4 epochs of the schedule of recipes/msrc21_full.py, as a warm-up.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import Fit, Regularize, SeedsOnly, Sum
from weakseg.energies import DenseCRF
from weakseg.recipe.recipe import load_recipe

partial = load_recipe(Path(__file__).with_name("msrc21_partial.py"))
objective = Sum((Fit(SeedsOnly()), Regularize(DenseCRF.rloss(), weight=0.34)))
recipe = replace(
    partial,
    phases=(replace(partial.phases[0], epochs=4), replace(partial.phases[0], objective=objective, epochs=10)),
)
