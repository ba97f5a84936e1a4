"""What following remembered graph cuts costs beside partial cross entropy, sweeps included.

An epoch of scenes (msrc21, MobileNetV2, crops of 224, batch 8) with a sweep every five epochs, at every pixel and in
cells of a quarter of the network's stride; of generated scenes with a small U-Net where the data is not there.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from weakseg import (
    AlphaExpansion,
    Augment,
    Fit,
    Phase,
    Recipe,
    RobustCrossEntropy,
    Scenes,
    Scribbles,
    SeedsOnly,
    Simulated,
    UNet,
    train_recipe,
)
from weakseg.evaluate.predict import Predictor
from weakseg.models.depthwise import depthwise_in_float32
from weakseg.train.loader import Share, batches
from weakseg.train.recipe import load_recipe, with_epochs
from weakseg.train.remember import Targets, sweep
from weakseg.types import Memory

EVERY_EPOCHS = 5
PICTURES, STEPS, BATCH = 24, 5, 8
RECIPES = Path(__file__).parents[1] / "recipes"


def measure() -> Iterator[tuple[str, float, str]]:
    """Processor time, so that other work on the machine does not count."""
    recipe = setting()
    samples, augment, bf16 = recipe.training, recipe.augment, recipe.bf16
    with TemporaryDirectory() as folder:
        network = train_recipe(with_epochs(recipe, 1), Path(folder) / "warm", device="cpu").network(which="last")
    network.to(memory_format=torch.channels_last)
    depthwise_in_float32(network)
    fit = Fit(AlphaExpansion(prediction_weight=5.0), RobustCrossEntropy(flip=0.3), every_epochs=EVERY_EPOCHS)
    plain, followed = step_seconds(Fit(SeedsOnly()), fit, samples, augment, network, bf16)
    yield "cut.step_ratio", followed / plain, "of partial cross entropy, without sweeps"
    for row, cell_px in (("", 1), ("_cells", max(network.stride // 4, 1))):
        swept = sweep_seconds(replace(fit.solver, cell_px=cell_px), samples, network, bf16) / PICTURES
        ratio = (followed + BATCH * swept / EVERY_EPOCHS) / plain
        yield f"cut.epoch_ratio{row}", ratio, f"of partial cross entropy, a sweep every {EVERY_EPOCHS} epochs"
        yield f"cut.sweep_ms_per_picture{row}", 1000 * swept, f"ms, prediction included, cells of {cell_px}"


def setting() -> Recipe:
    """Pictures with scribbles; an epoch of partial cross entropy makes predictions as they are after a warm-up."""
    if {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}:
        return replace(load_recipe(RECIPES / "msrc21_partial.py"), validation=None)
    scenes = Simulated(Scenes(count=PICTURES), (Scribbles(),))
    return Recipe(scenes, UNet(), (Phase(Fit(SeedsOnly()), epochs=1, learning_rate=3e-3),), augment=Augment((96, 96)))


class Half(torch.nn.Module):
    """A network in the precision it is trained in."""

    def __init__(self, network: torch.nn.Module, bf16: bool):
        super().__init__()
        self.network, self.bf16 = network, bf16
        self.stride = network.stride

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return self.network(image.contiguous(memory_format=torch.channels_last))


def sweep_seconds(solver: AlphaExpansion, samples, network, bf16: bool) -> float:
    """Of predicting and cutting some pictures whole, from nothing, which costs more than later sweeps."""
    few = Few(samples)
    # Scribbles are simulated when a picture is first read, and training has read them all.
    for index in range(PICTURES):
        few[index]
    predictor = Predictor(Half(network, bf16), samples.classes, samples[0].image.shape[0])
    with TemporaryDirectory() as folder:
        sweep(solver, few, predictor, Targets(Path(folder) / "compiled"), None, Share(0, PICTURES))
        started = time.process_time()
        sweep(solver, few, predictor, Targets(Path(folder) / "timed"), None, Share())
        return time.process_time() - started


class Few:
    """Evenly spaced pictures of a data set."""

    def __init__(self, samples):
        self.samples, self.classes = samples, samples.classes
        self.keys = samples.keys[:: len(samples) // PICTURES][:PICTURES]

    def __len__(self) -> int:
        return PICTURES

    def __getitem__(self, index: int):
        return self.samples[index * (len(self.samples) // PICTURES)]


def step_seconds(plain: Fit, fit: Fit, samples, augment, network, bf16: bool) -> tuple[float, float]:
    """A step of either, in turn, on the same batches, with the views' loading."""
    taken: dict[Fit, list[float]] = {plain: [], fit: []}
    network.train()
    loaded = batches(samples, augment, BATCH, 0, range(9), Share(), 0)
    for _ in range(STEPS + 1):
        started = time.process_time()
        batch = next(loaded)
        loading = time.process_time() - started
        batch = replace(batch, memory=Memory(labels=torch.where(batch.weak.valid, 1, -1)))
        for objective, times in taken.items():
            started = time.process_time()
            objective(Half(network, bf16)(batch.image).float(), batch).backward()
            times.append(loading + time.process_time() - started)
    return median(taken[plain][1:]), median(taken[fit][1:])
