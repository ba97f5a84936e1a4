"""Which setting of each method suits the hearts, on a fifth of the training patients: the choices of acdc.py.

`weakseg experiments recipes/tables/acdc_tuning.py`; each method has four settings to choose from, one seed.
"""

import runpy
from dataclasses import replace
from pathlib import Path

from weakseg.datasets import Fold
from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]
methods = runpy.run_path(str(recipes / "methods" / "scribbles.py"))


def on_held_out_patients(recipe):
    training, judged = (Fold(recipe.training, held_out=out, group=r"patient\d+") for out in (False, True))
    return replace(recipe, training=training, validation=judged)


partial = on_held_out_patients(load_recipe(recipes / "acdc_partial.py"))
table = Table(
    rows=(
        Row("full supervision", on_held_out_patients(load_recipe(recipes / "acdc_full.py")), (0,)),
        *(
            Row(
                f"partial cross entropy, rate {rate:g}",
                replace(partial, phases=(replace(partial.phases[0], learning_rate=rate),)),
                (0,),
            )
            for rate in (3e-4, 5e-4, 1e-3, 2e-3)
        ),
        *(
            Row(f"{name}, {setting}", methods["after_warm_up"](partial, 8, changes), (0,))
            for name, choices in methods["settings"](4, every=5, prediction_weight=4.6).items()
            for setting, changes in choices.items()
        ),
    ),
    score="mean_dice",
)
