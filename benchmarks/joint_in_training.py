"""What the default method costs a training: an epoch of it over one of partial cross entropy.

Hearts and natural scenes from scribbles, in the schedules of `recipes/`, after a few steps that let the network make up
its mind. The same batches are read and learnt from by each, in turns. Processor time of one thread.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from joint import seconds
from projection_in_training import of_epoch
from trust_region import Half

from weakseg import Recipe
from weakseg.recipe.method import methods
from weakseg.recipe.recipe import load_recipe
from weakseg.train.optimizer import make_optimizer

RECIPES = Path(__file__).parents[1] / "recipes"
FIRST, TIMED, TURNS = 10, 6, 3


def measure() -> Iterator[tuple[str, float, str]]:
    """The ratio for each set; nothing without data and weights."""
    torch.set_num_threads(1)
    if {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}:
        for name in ("acdc", "msrc21"):
            ratio, step = epoch_ratio(load_recipe(RECIPES / f"{name}_partial.py"))
            yield f"joint.epoch_ratio_{name}", ratio, f"of partial cross entropy, a step of which takes {step:.2f} s"


def epoch_ratio(recipe: Recipe) -> tuple[float, float]:
    """The ratio, and the seconds of a step of partial cross entropy."""
    samples = recipe.training
    torch.manual_seed(0)
    network = recipe.network.build(samples[0].image.shape[0], len(samples.classes)).train()
    network.to(memory_format=torch.channels_last)  # pyright: ignore
    half, optimizer = Half(network, bf16=True), make_optimizer(recipe, network)
    joint = methods(None, drawn=True, everything=False, classes=len(samples.classes))["joint"]
    objectives = recipe.phases[0].objective, joint.objective

    def learn(objective, epoch: int, steps: int):
        for batch in islice(of_epoch(recipe, epoch), steps):
            optimizer.zero_grad()
            objective(half(batch.image).float(), batch).backward()
            optimizer.step()

    for objective in objectives:
        learn(objective, 0, FIRST)
    times = [[seconds(lambda o=o, t=t: learn(o, t, TIMED)) for o in objectives] for t in range(1, TURNS + 1)]
    partial = median(one for one, _ in times)
    return median(other / one for one, other in times), partial / TIMED
