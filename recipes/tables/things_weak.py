"""Things from tags, sizes and boxes, mIoU on val: `weakseg experiments recipes/tables/things_weak.py`.

Each kind of label by every method that can use it, on the same images, network and number of epochs.
"""

from dataclasses import replace
from pathlib import Path

from weakseg import DualProjection, Fit, Regularize
from weakseg.constraints import UntaggedClassesAbsent
from weakseg.energies import LogBarrier, QuadraticPenalty
from weakseg.experiments.table import Row, Table
from weakseg.networks import ImageLevelPrior
from weakseg.papers import BoxLabels, EmAdapt, MultipleInstance, SoftMultipleInstance
from weakseg.recipe.recipe import load_recipe, with_epochs

recipes = Path(__file__).parents[1]
ALL, ONE = (0, 1, 2), (0,)


def by(recipe, objective):
    return replace(recipe, phases=(replace(recipe.phases[0], objective=objective),))


def rows_of(kind, recipe, seeds):
    """The constrained CNN, and the two penalties on the same rows."""
    projection = recipe.phases[0].objective
    constraint = projection.solver.constraint
    return (
        Row(f"{kind}: constrained CNN", recipe, seeds),
        Row(f"{kind}: quadratic penalty", by(recipe, Regularize(QuadraticPenalty(constraint), weight=100.0)), ONE),
        Row(f"{kind}: log-barrier", by(recipe, Regularize(LogBarrier(constraint), weight=1.0)), ONE),
    )


def with_prior(recipe):
    return replace(recipe, network=ImageLevelPrior(recipe.network))


full, tags, tags_crops, crop_tags, one_bit, interval, sizes_crops, boxes = (
    load_recipe(recipes / f"msrc_things_{kind}.py")
    for kind in ("full", "tags", "tags_crops", "crop_tags", "one_bit_sizes", "interval_sizes", "sizes_crops", "boxes")
)
first = tags_crops.phases[:1]

table = Table(
    rows=(
        Row("full supervision", replace(with_epochs(full, tags.epochs), validate_every=tags.epochs), ALL),
        *rows_of("tags", tags, ALL),
        Row("tags: crops taken for images", replace(tags_crops, phases=first, validate_every=tags.epochs), ALL),
        Row("tags: crops taken for images, then sharp", tags_crops, ALL),
        Row("tags: EM-Adapt", by(tags, Fit(EmAdapt())), ALL),
        Row("tags: soft MIL", by(tags, SoftMultipleInstance()), ALL),
        Row("tags: soft MIL, image-level prior", with_prior(by(tags, SoftMultipleInstance())), ONE),
        Row("tags: MIL", by(tags, MultipleInstance()), ONE),
        Row("tags: MIL, image-level prior", with_prior(by(tags, MultipleInstance())), ONE),
        Row("tags: unconstrained", by(tags, Fit(DualProjection(UntaggedClassesAbsent()))), ONE),
        Row("tags of random crops: constrained CNN", crop_tags, ONE),
        Row("tags of random crops: EM-Adapt", by(crop_tags, Fit(EmAdapt())), ONE),
        *rows_of("one bit of size", one_bit, ALL),
        *rows_of("interval sizes", interval, ALL),
        Row("interval sizes: crops taken for images, then sharp", sizes_crops, ALL),
        Row("boxes: constrained CNN", boxes, ALL),
        Row("boxes: as labels", by(boxes, Fit(BoxLabels(background=0))), ALL),
    ),
)
