"""Which part of a training epoch goes into cutting views and putting them into batches."""

import os
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import torch

from weakseg import Augment, Fit, Phase, Recipe, SeedsOnly
from weakseg.data.scenes import Scenes
from weakseg.networks import UNet
from weakseg.recipe.recipe import load_recipe
from weakseg.train import engine
from weakseg.train.loader import batches_of
from weakseg.train.optimizer import make_optimizer

RECIPES = Path(__file__).parents[1] / "recipes"
STEPS = 8


def measure() -> Iterator[tuple[str, float, str]]:
    """Over a few steps of msrc21 with full masks and MobileNetV2; on generated scenes where the data is not there."""
    there = {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}
    recipe = load_recipe(RECIPES / "msrc21_full.py") if there else _on_scenes()
    loading, training = _seconds(recipe)
    yield "data.loading_share", loading / (loading + training), f"of a step, {'msrc21' if there else 'scenes'}"


def _on_scenes() -> Recipe:
    images = Scenes(count=96)
    for index in range(len(images)):
        # They are painted once and kept, so painting is no part of an epoch.
        images[index]
    phase = Phase(Fit(SeedsOnly()), epochs=1)
    return Recipe(training=images, network=UNet(), phases=(phase,), augment=Augment(crop=(96, 96)))


def _seconds(recipe: Recipe) -> tuple[float, float]:
    """Time spent on batches and on training steps, as in the training loop, without the first step."""
    torch.manual_seed(0)
    accelerator = engine.start("cpu", recipe.bf16)
    network = recipe.network.build(recipe.training[0].image.shape[0], len(recipe.training.classes))
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    model, optimizer = engine.prepare(accelerator, network, make_optimizer(recipe, network))
    model.train()
    clock = [time.perf_counter()]
    for batch in islice(chain.from_iterable(batches_of(recipe, range(1))), STEPS + 1):
        clock.append(time.perf_counter())
        with accelerator.autocast():
            logits = model(batch.image.contiguous(memory_format=torch.channels_last))
        accelerator.backward(recipe.phases[0].objective(logits.float(), batch))
        optimizer.step()
        optimizer.zero_grad()
        clock.append(time.perf_counter())
    spans = [stop - start for start, stop in zip(clock, clock[1:], strict=False)]
    return sum(spans[2::2]), sum(spans[3::2])
