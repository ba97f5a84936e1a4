"""Trials before a training: which constraints apply to its crops, and how long its steps take.

Many constraints on a whole image say nothing about a part of it.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from rich.console import Console
from torch import nn

from weakseg.constraints.linear_rows import Constraint, rows_of
from weakseg.errors import RecipeInvalid
from weakseg.losses.nested import parts
from weakseg.recipe.recipe import Phase, Recipe
from weakseg.train import engine
from weakseg.train.loader import batches_of, readers_for
from weakseg.train.sizes import EachSize, collate_for, mean_loss
from weakseg.train.target_schedule import phase_of
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


def tried_seconds(recipe: Recipe, network: nn.Module, accelerator: engine.Accelerator) -> float:
    """Time of one step of each epoch, found by trying one of each phase.

    Raises:
        RecipeInvalid: network and objective do not work together.
    """
    try:
        return seconds_left(recipe, 0, network, accelerator)
    except (TypeError, AttributeError, LookupError, ValueError, RuntimeError, NotImplementedError) as error:
        # Too little memory is no fault of the recipe's parts, and has a message of its own.
        if "memory" in str(error).lower():
            raise
        objectives = ", ".join(f"{phase.objective!r:.100}" for phase in recipe.phases)
        raise RecipeInvalid(
            f"a trial step failed with {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            expected="a network from (B, M, H, W) to logits (B, C, h, w), and objectives called with (logits, batch)",
            fix=f"look at the network {recipe.network!r:.100} and the objective {objectives}",
        ) from error


def seconds_left(recipe: Recipe, first_epoch: int, network: nn.Module, accelerator: engine.Accelerator) -> float:
    """Time of one step of each epoch that is left, without updates of the targets: one step of each phase is tried."""
    epochs = [phase_of(recipe, epoch)[0] for epoch in range(first_epoch, recipe.epochs)]
    tried = {id(phase): phase for phase in epochs}
    seconds = {key: seconds_per_step(recipe, phase, network, accelerator) for key, phase in tried.items()}
    return sum(seconds[id(phase)] for phase in epochs)


def seconds_per_step(recipe: Recipe, phase: Phase, network: nn.Module, accelerator: engine.Accelerator) -> float:
    """Time of a step, from two trials on a copy, so that the network and its batch statistics stay as they are.

    The images are read in it: where they are large, that takes most of the time.
    """
    device = accelerator.device
    trial, reading, learning = EachSize(copy.deepcopy(network)).to(device), [], 0.0
    steps = iter(batches_of(recipe, range(1), collate=collate_for(network)))
    # The first step compiles kernels and fills caches; the second is timed.
    for _ in range(2):
        started = time.perf_counter()
        if (step := next(steps, None)) is None:
            break
        reading.append(time.perf_counter() - started)
        moved = [batch.to(device) for batch in step]
        if phase.update_targets_every is not None:
            # Before the first update there are no targets; seeds stand in for them.
            moved = [replace(batch, targets=batch.weak.seeds) for batch in moved]
        started = time.perf_counter()
        with accelerator.autocast():
            logits = trial([batch.image for batch in moved])
        loss = mean_loss(phase.objective, logits, moved)
        loss.backward()
        loss.item()  # waits for the device
        learning = time.perf_counter() - started
    read, readers = sum(reading) / len(reading), readers_for(device)
    # Others read the next images meanwhile.
    return max(read / readers, learning) if readers else read + learning
