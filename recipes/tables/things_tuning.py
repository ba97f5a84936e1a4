"""Which setting of each method suits tags, sizes and boxes, on a fifth of train: the choices of things_weak.py.

`weakseg experiments recipes/tables/things_tuning.py`; one seed. Sizes have more, to find out why rare classes are lost.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit, Regularize
from weakseg.constraints import All, BackgroundBetween, SizesWithin, UntaggedClassesAbsent
from weakseg.datasets import Fold
from weakseg.energies import LogBarrier, QuadraticPenalty
from weakseg.experiments.table import Row, Table
from weakseg.papers import EmAdapt, MultipleInstance, SoftMultipleInstance
from weakseg.recipe.recipe import load_recipe

recipes = Path(__file__).parents[1]


def on_held_out_images(name: str):
    recipe = load_recipe(recipes / f"msrc_things_{name}.py")
    training, judged = (Fold(recipe.training, held_out=out) for out in (False, True))
    return replace(recipe, training=training, validation=judged)


def by(recipe, objective, **changes):
    return replace(recipe, phases=(replace(recipe.phases[0], objective=objective, **changes),))


def rows_of(kind: str, recipe):
    """The constrained CNN by rate, hardness and what comes before; penalties by weight."""
    fit = recipe.phases[0].objective
    constraint = fit.solver.constraint
    found = {
        f"constrained CNN, rate {rate:g}": by(recipe, fit, learning_rate=rate) for rate in (1e-4, 2e-4, 5e-4, 1e-3)
    }
    for hardness in (3.0, 10.0, 1000.0):
        found[f"constrained CNN, hardness {hardness:g}"] = by(recipe, Fit(replace(fit.solver, hardness=hardness)))
    if kind != "tags":
        first, then = replace(tags.phases[0], epochs=4), replace(recipe.phases[0], epochs=4)
        found["constrained CNN, after 4 epochs of tags"] = replace(recipe, phases=(first, then))
    for weight in (1.0, 10.0, 100.0, 1000.0):
        found[f"quadratic penalty, weight {weight:g}"] = by(recipe, Regularize(QuadraticPenalty(constraint), weight))
    for weight in (0.01, 0.1, 1.0, 10.0):
        found[f"log-barrier, weight {weight:g}"] = by(recipe, Regularize(LogBarrier(constraint), weight))
    return [Row(f"{kind}: {name}", found[name], (0,)) for name in found]


def true_sizes(recipe):
    """Interval sizes with other demands on the background, and with a sharper P once tags or sizes are learnt."""
    phase = recipe.phases[0]
    alone = All((UntaggedClassesAbsent(), SizesWithin()))
    sharp = replace(phase, objective=Fit(DualProjection(alone, hardness=10.0)), epochs=4)
    most = All((*alone.constraints, BackgroundBetween(0.0, 0.5, background=0)))
    found = {
        "alone": by(recipe, Fit(DualProjection(alone))),
        "and background at most .5": by(recipe, Fit(DualProjection(most))),
        "then hardness 10 without the background": replace(recipe, phases=(replace(phase, epochs=4), sharp)),
        "after 4 epochs of tags, hardness 10 without the background": replace(
            recipe, phases=(replace(tags.phases[0], epochs=4), sharp)
        ),
    }
    return [Row(f"interval sizes: {name}", found[name], (0,)) for name in found]


tags = on_held_out_images("tags")
sizes = [on_held_out_images(name) for name in ("one_bit_sizes", "interval_sizes", "boxes")]
alone = {
    **{
        f"EM-Adapt, {b:g} and {s:g}": Fit(EmAdapt(0, b, s))
        for b, s in ((0.4, 0.2), (0.3, 0.05), (0.2, 0.2), (0.6, 0.1))
    },
    **{f"soft MIL, sharpness {r:g}": SoftMultipleInstance(r) for r in (1.0, 3.0, 5.0, 10.0)},
    "MIL": MultipleInstance(),
    "unconstrained": Fit(DualProjection(UntaggedClassesAbsent())),
}
table = Table(
    rows=(
        *(
            Row(f"tags: {name}, rate {rate:g}", by(tags, objective, learning_rate=rate), (0,))
            for name, objective in alone.items()
            for rate in ((2e-4, 5e-4) if name in ("MIL", "unconstrained") else (2e-4,))
        ),
        *rows_of("tags", tags),
        *rows_of("one bit of size", sizes[0]),
        *rows_of("interval sizes", sizes[1]),
        *true_sizes(sizes[1]),
        *rows_of("boxes", sizes[2])[:8],
    )
)
