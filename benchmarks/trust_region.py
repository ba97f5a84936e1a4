"""What following remembered graph cuts costs beside partial cross entropy, sweeps included.

An epoch of scenes (msrc21, MobileNetV2, crops of 224, batch 8) with a sweep every five epochs, at every pixel and in
cells of a quarter of the network's stride; of generated scenes with a small U-Net where the data is not there. Sweeps
are the first one, after the warm-up, and one five epochs later, which starts from what the first has found.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from weakseg import AlphaExpansion, Augment, Fit, Phase, Recipe, SeedsOnly, train_recipe
from weakseg.datasets import Scenes
from weakseg.divergences import RobustCrossEntropy
from weakseg.evaluation.predictor import Predictor
from weakseg.networks import UNet
from weakseg.networks.depthwise import depthwise_in_float32
from weakseg.recipe.recipe import load_recipe, with_epochs
from weakseg.simulate import Scribbles, Simulated
from weakseg.train.loader import Share, batches_of
from weakseg.train.targets import Targets
from weakseg.train.update_targets import update_targets

WARM_UP, EVERY_EPOCHS = 4, 5
IMAGES, STEPS, BATCH = 24, 12, 8
RECIPES = Path(__file__).parents[1] / "recipes"


def measure() -> Iterator[tuple[str, float, str]]:
    """Processor time, so that other work on the machine does not count."""
    recipe = setting()
    samples, augment, bf16 = recipe.training, recipe.augment, recipe.bf16
    warm, later = trained(recipe, WARM_UP), trained(recipe, WARM_UP + EVERY_EPOCHS)
    fit = Fit(AlphaExpansion(prediction_weight=5.0), RobustCrossEntropy(flip=0.3))
    plain, followed = step_seconds(Fit(SeedsOnly()), fit, samples, augment, warm, bf16)
    yield "cut.step_ratio", followed / plain, "of partial cross entropy, without sweeps"
    for row, cell_px in (("", 1), ("_cells", max(warm.stride // 4, 1))):
        first, second = sweep_seconds(replace(fit.solver, cell_px=cell_px), samples, (warm, later), bf16)
        ratio = (followed + BATCH * (first + second) / 2 / EVERY_EPOCHS) / plain
        yield f"cut.epoch_ratio{row}", ratio, f"of partial cross entropy, a sweep every {EVERY_EPOCHS} epochs"
        yield f"cut.first_sweep_ms{row}", 1000 * first, f"an image, prediction included, cells of {cell_px}"
        yield f"cut.later_sweep_ms{row}", 1000 * second, f"an image, prediction included, cells of {cell_px}"


def setting() -> Recipe:
    """Images with scribbles, and partial cross entropy."""
    if {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}:
        return replace(load_recipe(RECIPES / "msrc21_partial.py"), validation=None)
    scenes = Simulated(Scenes(count=IMAGES), (Scribbles(),))
    return Recipe(scenes, UNet(), (Phase(Fit(SeedsOnly()), epochs=1, learning_rate=3e-3),), augment=Augment((96, 96)))


def trained(recipe: Recipe, epochs: int) -> torch.nn.Module:
    """The network after a whole schedule of so many epochs, laid out as the training loop does."""
    with TemporaryDirectory() as folder:
        network = train_recipe(with_epochs(recipe, epochs), Path(folder) / "run", device="cpu").network(which="last")
    network.to(memory_format=torch.channels_last)
    depthwise_in_float32(network)
    return network


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


def sweep_seconds(solver: AlphaExpansion, samples, networks, bf16: bool) -> list[float]:
    """An image, of predicting and cutting some whole with one network after the other."""
    few = Few(samples)
    # Scribbles are simulated when an image is first read, and training has read them all.
    for index in range(IMAGES):
        few[index]
    with TemporaryDirectory() as folder:
        names = "compiled", *map(str, range(len(networks)))
        targets = [Targets(Path(folder) / name, "a mark") for name in names]
        predictors = [Predictor(Half(each, bf16), samples.classes, samples[0].image.shape[0]) for each in networks]
        update_targets(Fit(solver), predictors[0], few, targets[0], share=Share(0, IMAGES))
        taken = []
        for predictor, earlier, now in zip(predictors, [None, *targets[1:]], targets[1:], strict=False):
            started = time.process_time()
            update_targets(Fit(solver), predictor, few, now, earlier)
            taken.append((time.process_time() - started) / IMAGES)
        return taken


class Few:
    """Evenly spaced images of a data set."""

    def __init__(self, samples):
        self.samples, self.classes = samples, samples.classes
        self.keys = samples.keys[:: len(samples) // IMAGES][:IMAGES]

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int):
        return self.samples[index * (len(self.samples) // IMAGES)]


def step_seconds(plain: Fit, fit: Fit, samples, augment, network, bf16: bool) -> tuple[float, float]:
    """A step of either, in turn, on the same batches, with the views' loading."""
    taken: dict[Fit, list[float]] = {plain: [], fit: []}
    network.train()
    recipe = Recipe(samples, UNet(), (Phase(plain, 9),), augment=augment, batch_size=BATCH)
    loaded = chain.from_iterable(batches_of(recipe, range(9)))
    for _ in range(STEPS + 1):
        started = time.process_time()
        batch = next(loaded)
        loading = time.process_time() - started
        batch = replace(batch, targets=torch.where(batch.weak.valid, 1, -1))
        for objective, times in taken.items():
            started = time.process_time()
            objective(Half(network, bf16)(batch.image).float(), batch).backward()
            times.append(loading + time.process_time() - started)
    return median(taken[plain][1:]), median(taken[fit][1:])
