"""Which setting of each method suits the scenes, on a fifth of train, at both ends of length: the choices of msrc21.py.

`weakseg experiments recipes/tables/msrc21_tuning.py`; each method has four settings to choose from, one seed. Trust
region has more, to find out why it gains little: how much the prediction weighs, how often and how late it is cut.
"""

import runpy
from dataclasses import replace
from pathlib import Path

from weakseg.data.simulate.annotators import Scribbles
from weakseg.datasets import Fold
from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]
methods = runpy.run_path(str(recipes / "methods" / "scribbles.py"))
after_warm_up = methods["after_warm_up"]


def on_held_out_images(recipe):
    training, judged = (Fold(recipe.training, held_out=out) for out in (False, True))
    return replace(recipe, training=training, validation=judged)


def paced(recipe, learning_rate: float, epochs: int | None = None):
    """Another rate for what follows the warm-up, and another length."""
    warm_up, followed = recipe.phases
    followed = replace(followed, learning_rate=learning_rate, epochs=epochs or followed.epochs)
    return replace(recipe, phases=(warm_up, followed), validate_every=warm_up.epochs + followed.epochs)


def rows(length: float):
    full = load_recipe(recipes / "msrc21_partial.py")
    partial = on_held_out_images(replace(full, training=replace(full.training, kinds=(Scribbles(length=length),))))
    found = {
        f"partial cross entropy, rate {rate:g}": replace(
            partial, phases=(replace(partial.phases[0], learning_rate=rate),)
        )
        for rate in (2e-4, 5e-4, 1e-3, 2e-3)
    }
    settings = methods["settings"](23, every=4, prediction_weight=5.0)
    for name, choices in settings.items():
        for setting, changes in choices.items():
            found[f"{name}, {setting}"] = after_warm_up(partial, 4, changes)
    robust = settings["trust region, robust"]["flip 0.3, weight 0.3"]
    fit = robust["objective"]

    def cells(**changes):
        return robust | {"objective": replace(fit, solver=replace(fit.solver, cell_px=4, **changes))}

    follow = cells()
    cut = after_warm_up(partial, 4, follow)
    found |= {
        f"cells, prediction {weight:g}": after_warm_up(partial, 4, cells(prediction_weight=weight))
        for weight in (0.5, 1.5, 15.0, 50.0)
    }
    found |= {
        "cells": cut,
        "cells, cut once": after_warm_up(partial, 4, follow | {"update_targets_every": 10**6}),
        "cells, after 8 epochs": after_warm_up(partial, 8, follow),
        "cells, rate 1e-4": paced(cut, 1e-4),
        "cells, rate 2e-4": paced(cut, 2e-4),
        "cells, whole warm-up, 14 more": paced(after_warm_up(partial, 13, follow), 5e-4, 14),
        "cells, whole warm-up, rate 2e-4, 14 more": paced(after_warm_up(partial, 13, follow), 2e-4, 14),
        "partial cross entropy, 28 epochs": replace(partial, phases=(replace(partial.phases[0], epochs=28),)),
    }
    return [Row(f"length {length:g}: {name}", recipe, (0,)) for name, recipe in found.items()]


full = on_held_out_images(load_recipe(recipes / "msrc21_full.py"))
table = Table(rows=(Row("full supervision", full, (0,)), *rows(0.0), *rows(1.0)))
