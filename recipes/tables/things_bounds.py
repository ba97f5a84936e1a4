"""How much the bounds on tags matter, one at a time: `weakseg experiments recipes/tables/things_bounds.py`.

The sweep of the constrained CNN's supplementary table 4.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit
from weakseg.constraints import All, BackgroundBetween, TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.experiments.table import Row, Table
from weakseg.recipe.recipe import load_recipe

tags = load_recipe(Path(__file__).parents[1] / "msrc_things_tags.py")


def bounds(things: float = 0.05, least: float = 0.3, most: float = 0.7) -> Row:
    demands = (
        UntaggedClassesAbsent(),
        TaggedClassesPresent(things, background=0),
        BackgroundBetween(least, most, background=0),
    )
    name = f"each thing at least {things:g}, background {least:g} to {most:g}"
    phase = replace(tags.phases[0], objective=Fit(DualProjection(All(demands))))
    return Row(name, replace(tags, phases=(phase,)), seeds=(0,))


table = Table(
    rows=(
        bounds(),
        *(bounds(things=share) for share in (0.1, 0.2, 0.3)),
        *(bounds(least=share) for share in (0.1, 0.5)),
        *(bounds(most=share) for share in (0.5, 0.6, 0.8, 0.9)),
    ),
)
