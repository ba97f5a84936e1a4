"""Natural scenes, mIoU on val over scribble length: `weakseg experiments recipes/tables/msrc21.py`."""

from dataclasses import replace
from pathlib import Path

from weakseg.commands.experiments import Row, Table
from weakseg.data.simulate import Scribbles
from weakseg.train.recipe import load_recipe

recipes = Path(__file__).parents[1]
partial = load_recipe(recipes / "msrc21_partial.py")


def at_length(length: float, seeds: tuple[int, ...]) -> Row:
    shorter = replace(partial.training, kinds=(Scribbles(length=length),))
    return Row(f"partial cross entropy, length {length:g}", replace(partial, training=shorter), seeds)


table = Table(
    rows=(
        Row("full supervision", load_recipe(recipes / "msrc21_full.py")),
        at_length(0.0, (0, 1, 2)),
        at_length(0.3, (0,)),
        at_length(0.5, (0,)),
        at_length(0.8, (0,)),
        at_length(1.0, (0, 1, 2)),
    ),
)
