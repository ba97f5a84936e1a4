"""What a projection takes while a network learns, and whether it pays to remember its multipliers.

Things from tags and from interval sizes (msrc_things, MobileNetV2, whole images at stride 16); generated scenes
with a small U-Net where the data is not there. The same views are solved after the second and the third epoch,
from nothing and from the multipliers of the epoch before. Processor time of one thread.
"""

import os
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import torch
from projection import seconds
from trust_region import Half

from weakseg import Augment, DualProjection, Evidence, Fit, Phase, Recipe, Solution
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.datasets import Scenes
from weakseg.networks import UNet
from weakseg.recipe.recipe import load_recipe
from weakseg.simulate import IntervalSizes, Simulated, Tags
from weakseg.train.loader import batches_of
from weakseg.train.optimizer import make_optimizer
from weakseg.types import Batch

RECIPES = Path(__file__).parents[1] / "recipes"
EPOCHS, LOOKED_AT = 3, 3


def measure() -> Iterator[tuple[str, float, str]]:
    """Steps and milliseconds per image; a memory is worth what it saves of them."""
    torch.set_num_threads(1)
    for name, recipe in settings().items():
        for start, (steps, each) in solved_while_training(recipe).items():
            yield f"projection.training_steps_{name}_{start}", steps, "Newton's steps per image, mean"
            yield f"projection.training_ms_{name}_{start}", each, "ms per image"


def settings() -> dict[str, Recipe]:
    """Recipes by the kind of their labels."""
    if {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}:
        return {kind: load_recipe(RECIPES / f"msrc_things_{kind}.py") for kind in ("tags", "interval_sizes")}
    scenes = Simulated(Scenes(count=32), (Tags(), IntervalSizes()))
    phase = Phase(Fit(DualProjection(All((UntaggedClassesAbsent(), SizesWithin())))), epochs=1)
    return {"interval_sizes": Recipe(scenes, UNet(), (phase,), augment=Augment(crop=None))}


def solved_while_training(recipe: Recipe) -> dict[str, tuple[float, float]]:
    """Mean steps, and milliseconds per image, from nothing and from what the epoch before had found."""
    samples, fit = recipe.training, recipe.phases[0].objective
    solver = fit.solver
    torch.manual_seed(0)
    network = recipe.network.build(samples[0].image.shape[0], len(samples.classes)).train()
    network.to(memory_format=torch.channels_last)
    half = Half(network, bf16=True)
    optimizer = make_optimizer(recipe, network)
    looked_at = [*islice(of_epoch(recipe, 0), LOOKED_AT)]
    images, earlier, now = sum(len(batch.keys) for batch in looked_at), [], []
    for epoch in range(EPOCHS):
        for batch in of_epoch(recipe, epoch):
            optimizer.zero_grad()
            fit(half(batch.image).float(), batch).backward()
            optimizer.step()
        earlier = now
        now = [(e := evidence(half, batch), solver.solve(e)) for batch in looked_at]

    def cold() -> list[Solution]:
        return [solver.solve(evidence) for evidence, _ in now]

    def warm() -> list[Solution]:
        return [solver.solve(evidence, old.memory) for (evidence, _), (_, old) in zip(now, earlier, strict=True)]

    return {
        start: (
            sum(float(solution.certificate["steps"].sum()) for solution in work()) / images,
            1000 * seconds(work, 5) / images,
        )
        for start, work in (("cold", cold), ("warm", warm))
    }


def of_epoch(recipe: Recipe, epoch: int) -> Iterator[Batch]:
    """An epoch's batches; those of one epoch are the same whenever they are asked for."""
    return chain.from_iterable(batches_of(recipe, range(epoch, epoch + 1)))


@torch.no_grad()
def evidence(network: torch.nn.Module, batch: Batch) -> Evidence:
    """What the solver is given, from the network as it is in training."""
    return Evidence(batch.image, network(batch.image).float().log_softmax(1), batch.weak, batch.keys)
