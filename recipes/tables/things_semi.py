"""Tags beside a few masks, mIoU over the number of masks: `weakseg experiments recipes/tables/things_semi.py`."""

from dataclasses import replace
from pathlib import Path

from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

semi = load_recipe(Path(__file__).parents[1] / "msrc_things_semi.py")


def masks(per_class: int) -> Row:
    name = f"tags and {per_class} masks a class"
    return Row(name, replace(semi, training=replace(semi.training, per_class=per_class)), seeds=(0, 1, 2))


table = Table(rows=tuple(masks(count) for count in (1, 3, 5, 10, 50)))
