"""What the constrained CNN's paper says of training, on tags: `weakseg experiments recipes/tables/things_claims.py`.

Beside the row "tags: constrained CNN" of things_weak.py, from which each of these differs in one thing.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import Hardened, Sgd
from weakseg.experiments.table import Row, Table
from weakseg.networks import FrozenStatistics
from weakseg.recipe.recipe import load_recipe

tags = load_recipe(Path(__file__).parents[1] / "msrc_things_tags.py")
phase = tags.phases[0]
fit = phase.objective


def solved_by(solver, **changes):
    return replace(tags, phases=(replace(phase, objective=replace(fit, solver=solver), **changes),))


def batches_of(size: int, momentum: float, learning_rate: float):
    return replace(
        tags,
        network=FrozenStatistics(tags.network),
        optimizer=Sgd(momentum=momentum),
        batch_size=size,
        phases=(replace(phase, learning_rate=learning_rate),),
    )


hard = replace(fit.solver, hardness=1000.0)
table = Table(
    rows=(
        # A seed draws the classifier, and the order of images.
        Row("five seeds", tags, (0, 1, 2, 3, 4)),
        Row("hard P, found at every step", solved_by(hard), (0,)),
        Row("hard P, held for an epoch", solved_by(Hardened(fit.solver), update_targets_every=1), (0,)),
        # As many steps as the others, each batch for five of them.
        Row("P held for 5 steps", replace(tags, phases=(replace(phase, steps_per_batch=5),)), (0,)),
        Row("stride 32", replace(tags, network=replace(tags.network, output_stride=32)), (0,)),
        Row("stride 8", replace(tags, network=replace(tags.network, output_stride=8)), (0,)),
        # As far a step per image: rate / (1 - momentum) / batch size.
        Row("batches of 20, momentum .9", batches_of(20, 0.9, 1e-2), (0,)),
        Row("batches of 1, momentum .99", batches_of(1, 0.99, 5e-5), (0,)),
    )
)
