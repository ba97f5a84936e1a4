"""Natural scenes, simulated scribbles at full length: the dense CRF segments every 4 epochs, and is followed.

Seeds are held in mean field, and the prediction is its unary term.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import Fit, Hardened, MeanField
from weakseg.energies import DenseCRF
from weakseg.recipe.recipe import load_recipe

dense = load_recipe(Path(__file__).with_name("msrc21_dense_gd.py"))
fit = Fit(Hardened(MeanField(DenseCRF(), damped=False)), weight=0.3)
recipe = replace(dense, phases=(dense.phases[0], replace(dense.phases[1], objective=fit, update_targets_every=4)))
