"""What crops leave of a recipe's constraints: many demands on an image say nothing about a part of it."""

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
"""Share of the demands that crops may drop; beyond it, the labels that were paid for hardly teach."""
_LOOKED_AT = 32
"""Views of the first epoch that are looked at."""
_STRIDE = 16
"""Of the grid that demands are counted on; only those about lines across boxes depend on it."""


def require_demands_seen(recipe: Recipe, console: Console) -> None:
    """Print which share of its constraints' demands a recipe's crops drop, and refuse it where that is most of them.

    Raises:
        RecipeInvalid: more than `MOST_DROPPED` of the demands say nothing about the views that are trained on.
    """
    if not any(True for phase in recipe.phases for _ in parts(phase.objective, Constraint)):
        return
    share = share_dropped(recipe)
    if share:
        console.print(f"the crops hide what {share:.1%} of the constraints' demands are about: those teach nothing")
    if share > MOST_DROPPED:
        raise RecipeInvalid(
            f"{share:.0%} of the constraints' demands are dropped, because the crops hide too much of the images",
            expected=f"at most {MOST_DROPPED:.0%}: what is said about whole images is learnt from whole images",
            fix="train on whole images: Augment(crop=None), and a smaller batch_size if memory is short",
        )


def share_dropped(recipe: Recipe) -> float:
    """Share of the constraints' demands on whole images that say nothing about a sample of views, in [0, 1]."""
    dropped = said = 0
    constraints = [found for phase in recipe.phases for found in parts(phase.objective, Constraint)]
    for batch in _views(recipe):
        height, width = batch.weak.valid.shape[1:]
        grid = (max(height // _STRIDE, 1), max(width // _STRIDE, 1))
        classes = batch.weak.tags.shape[1]
        rows = [each for constraint in constraints for each in rows_of(constraint, batch.weak, grid, classes)]
        dropped += sum(each.dropped for each in rows)
        said += sum(len(each) + each.dropped for each in rows)
    return dropped / max(said, 1)


def _views(recipe: Recipe) -> Iterator[Batch]:
    size = min(recipe.batch_size, _LOOKED_AT)
    views = batches_of(replace(recipe, batch_size=size), range(1))
    return chain.from_iterable(islice(views, -(-_LOOKED_AT // size)))
