"""Cardiac MRI, human scribbles, and that every class covers as much of a slice as in 95 of 100 training slices.

The shares are those of the whole training set, the same for every slice: `weakseg constraints acdc` prints them.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.constraints import All, ClassShares
from weakseg.recipe.recipe import load_recipe

LARGEST = (1.0, 0.0356, 0.0207, 0.0258)
SMALLEST_BACKGROUND = 0.9278
one = lambda k: tuple(float(k == j) for j in range(4))  # noqa: E731
bounds = All(
    (
        ClassShares(one(0), lower=SMALLEST_BACKGROUND),
        *(ClassShares(one(k), upper=LARGEST[k]) for k in (1, 2, 3)),
    )
)

partial = load_recipe(Path(__file__).with_name("acdc_partial.py"))
recipe = replace(partial, phases=(replace(partial.phases[0], objective=Fit(DualProjection(bounds))),))
