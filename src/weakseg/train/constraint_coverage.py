"""The fraction of constraints that crops leave.

Many constraints on a whole image say nothing about a part of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from rich.console import Console

from weakseg.constraints.linear_rows import Constraint, rows_of
from weakseg.errors import RecipeInvalid
from weakseg.losses.nested import parts
from weakseg.recipe.recipe import Recipe
from weakseg.train.loader import batches_of
from weakseg.types import Batch

MOST_DROPPED = 0.5
"""Largest fraction of constraints that crops may drop; beyond it, the labels hardly teach anything."""
_LOOKED_AT = 32
"""Number of views of the first epoch that are looked at."""
_STRIDE = 16
"""Stride of the grid on which constraints are counted; only those about lines across boxes depend on it."""


def require_constraints_apply(recipe: Recipe, console: Console) -> None:
    """Print the fraction of dropped constraints; refuse large ones.

    Raises:
        RecipeInvalid: more than `MOST_DROPPED` of the constraints do not apply to the training crops.
    """
    if not any(True for phase in recipe.phases for _ in parts(phase.objective, Constraint)):
        return
    dropped = fraction_dropped(recipe)
    if dropped:
        console.print(f"{dropped:.1%} of the constraints do not apply to the training crops, and teach nothing there")
    if dropped > MOST_DROPPED:
        raise RecipeInvalid(
            f"{dropped:.0%} of the constraints are dropped, because the crops hide too much of the images",
            expected=f"at most {MOST_DROPPED:.0%}: constraints on whole images are learnt from whole images",
            fix="train on whole images: Augment(crop=None), and a smaller batch_size if memory is short",
        )


def fraction_dropped(recipe: Recipe) -> float:
    """The fraction of constraints that a sample of crops drops.

    It is in [0, 1].
    """
    dropped = total = 0
    constraints = [found for phase in recipe.phases for found in parts(phase.objective, Constraint)]
    for batch in _views(recipe):
        height, width = batch.weak.valid.shape[1:]
        grid = (max(height // _STRIDE, 1), max(width // _STRIDE, 1))
        classes = batch.weak.tags.shape[1]
        rows = [each for constraint in constraints for each in rows_of(constraint, batch.weak, grid, classes)]
        dropped += sum(each.dropped for each in rows)
        total += sum(len(each) + each.dropped for each in rows)
    return dropped / max(total, 1)


def _views(recipe: Recipe) -> Iterator[Batch]:
    size = min(recipe.batch_size, _LOOKED_AT)
    views = batches_of(replace(recipe, batch_size=size), range(1))
    return chain.from_iterable(islice(views, -(-_LOOKED_AT // size)))
