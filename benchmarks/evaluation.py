"""How many images a second are predicted and scored."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from weakseg.data.scenes import Scenes
from weakseg.datasets import Fold
from weakseg.evaluation.evaluate import evaluate
from weakseg.evaluation.predictor import Predictor
from weakseg.networks import UNet
from weakseg.recipe.recipe import load_recipe

RECIPES = Path(__file__).parents[1] / "recipes"


def measure() -> Iterator[tuple[str, float, str]]:
    """A fifth of msrc21's validation images with MobileNetV2; generated scenes where the data is not there."""
    there = {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}
    if there:
        recipe = load_recipe(RECIPES / "msrc21_full.py")
        assert recipe.validation is not None
        images, spec = Fold(recipe.validation, held_out=True), recipe.network
    else:
        images, spec = Scenes(count=16), UNet()
    channels = images[0].image.shape[0]
    predictor = Predictor(spec.build(channels, len(images.classes)), images.classes, channels)
    predictor(images[0].image)
    started = time.perf_counter()
    evaluate(predictor, images)
    rate = len(images) / (time.perf_counter() - started)
    yield "evaluate.images_per_s", rate, f"images/s, {'msrc21' if there else 'scenes'}"
