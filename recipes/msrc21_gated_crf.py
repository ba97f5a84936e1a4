"""Natural scenes, simulated scribbles at full length, the gated CRF as a loss after a warm-up."""

from dataclasses import replace
from pathlib import Path

from weakseg import Fit, Regularize, SeedsOnly, Sum
from weakseg.energies import GatedCRF
from weakseg.recipe.recipe import load_recipe

dense = load_recipe(Path(__file__).with_name("msrc21_dense_gd.py"))
objective = Sum((Fit(SeedsOnly()), Regularize(GatedCRF(), weight=9.0)))
recipe = replace(dense, phases=(dense.phases[0], replace(dense.phases[1], objective=objective)))
