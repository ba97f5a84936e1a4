"""What the loop does at the ends of a phase, and what it draws at random."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from images import Squares, Tiny, tiny_recipe
from rich.console import Console
from safetensors.torch import load_file
from torch import nn

from weakseg import Augment, Fit, Phase, train_recipe
from weakseg.runs.run import open_run
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train import engine
from weakseg.train.before_training import seconds_per_step
from weakseg.train.sizes import EachSize

EPOCHS, STEPS = 3, 3


class Drawing(nn.Module):
    """Passes on what it gets, and notes a random number at each step, as dropout would draw it."""

    def __init__(self, drawn: list[float]):
        super().__init__()
        self.drawn = drawn

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Validation draws nothing."""
        if self.training:
            self.drawn.append(torch.rand(()).item())
        return values


@dataclass(frozen=True)
class Dropping:
    """A tiny network that notes what it draws; steps that are tried for the clock note it in a copy."""

    drawn: list[float] = field(default_factory=list)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Fresh weights."""
        return nn.Sequential(Drawing(self.drawn), Tiny(0.0).build(channels, classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same."""
        return self.build(channels, classes)


@dataclass(frozen=True)
class Noting(Augment):
    """Crops, and notes which generator each image's view was cut with."""

    crop: tuple[int, int] | None = (16, 16)
    cut: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, sample, generator, remembered=None):
        """A crop like any other."""
        self.cut.add((sample.key, str(generator.bit_generator.state["state"])))
        return super().__call__(sample, generator, remembered)


def noted(folder, seed: int) -> tuple[list[float], set[tuple[str, str]]]:
    """What the steps of three epochs drew, and what their views were cut with."""
    network, augment = Dropping(), Noting()
    phases = (Phase(Fit(SeedsOnly()), epochs=EPOCHS),)
    train_recipe(tiny_recipe(network=network, augment=augment, phases=phases, seed=seed), folder, device="cpu")
    return network.drawn, augment.cut


def test_a_phase_of_one_step_learns(tmp_path):
    """Its first step is its last, and has a learning rate above 0."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=1),), batch_size=12, validation=None)
    (line,) = train_recipe(recipe, tmp_path / "run", device="cpu").metrics
    assert line["step"] == 1
    assert line["learning_rate"] > 0


def test_a_training_stops_when_its_score_no_longer_rises(tmp_path):
    """After so many validations; resumed, nothing is left, and a run killed before the stop ends in the same bits."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=12, learning_rate=1e-9),), validate_every=1, patience=3)
    console = Console(record=True, width=100)
    run = train_recipe(recipe, tmp_path / "run", device="cpu", console=console)
    assert len(run.metrics) == 4
    assert "3 validations in a row without a higher mIoU" in console.export_text()

    console = Console(record=True, width=100)
    train_recipe(recipe, tmp_path / "run", device="cpu", resume=True, console=console)
    assert "it stopped after epoch 4" in console.export_text()
    assert len(open_run(tmp_path / "run").metrics) == 4


def test_a_network_that_predicts_one_class_leaves_metrics_that_can_be_read(tmp_path):
    """The class is named in the line of its epoch, and the run opens, resumes and is judged as any other."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-12),), seed=3)
    run = train_recipe(recipe, tmp_path / "run", device="cpu")
    assert len(open_run(run.path).metrics) == 1
    assert {"loss", "mean_iou"} <= {*open_run(run.path).metrics[0]}


def test_every_step_draws_other_numbers_and_every_epoch_cuts_other_views(tmp_path):
    """No dropout mask twice, no crop of an image twice, and none that another seed has; the same seed, the same."""
    drawn, cut = noted(tmp_path / "run", seed=0)
    assert len({*drawn}) == len(drawn) == EPOCHS * STEPS
    assert len(cut) == EPOCHS * len(Squares())
    assert len({generator for _, generator in cut}) == len(cut)

    assert noted(tmp_path / "again", seed=0) == (drawn, cut)
    others, other_cuts = noted(tmp_path / "other", seed=1)
    assert not {*drawn} & {*others}
    assert not cut & other_cuts


class Coloured(Squares):
    """In three channels: a single one is contiguous either way."""

    def __getitem__(self, index: int):
        sample = super().__getitem__(index)
        return replace(sample, image=np.stack([*sample.image, *sample.image**2, *sample.image**0.5]))


class Functional(nn.Module):
    """Group normalisation as a function, with weights of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """As the module does it."""
        return nn.functional.group_norm(input=values, num_groups=1, weight=self.weight)


def frozen_stem() -> nn.Module:
    """A convolution that does not learn, and a normalisation that does."""
    stem = nn.Conv2d(3, 4, 3, padding=1).requires_grad_(False)
    return nn.Sequential(stem, nn.GroupNorm(2, 4), nn.Conv2d(4, 3, 1))


BEGINNINGS = {
    "first": lambda: nn.Sequential(nn.GroupNorm(1, 3), Tiny(0.0).build(3, 2)),
    "frozen stem": lambda: nn.Sequential(frozen_stem(), Tiny(0.0).build(3, 2)),
    "a function": lambda: nn.Sequential(Functional(), Tiny(0.0).build(3, 2)),
}


@dataclass(frozen=True)
class Beginning:
    """A network that normalises what asks for no gradient."""

    name: str

    def build(self, channels: int, classes: int) -> nn.Module:
        """Fresh weights."""
        return BEGINNINGS[self.name]()

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same."""
        return self.build(channels, classes)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_normalisation_of_what_does_not_learn_learns(tmp_path, name):
    """On a CPU with channels last, where torch's own ends the process; what is frozen stays."""
    phases = (Phase(Fit(SeedsOnly()), epochs=2),)
    recipe = tiny_recipe(training=Coloured(), validation=Coloured(4), network=Beginning(name), phases=phases)
    train_recipe(recipe, tmp_path / "run", device="cpu")

    after = load_file(tmp_path / "run" / "last.safetensors")
    before = BEGINNINGS[name]().state_dict()
    (norm,) = [key for key, value in before.items() if key.endswith("weight") and value.shape in ((3,), (4,))]
    assert (after[f"network.{norm}"] != 1).all()


@pytest.mark.parametrize("kind", [{}, {"memory_format": torch.channels_last}])
def test_gradients_are_those_of_channels_first(kind):
    """Of a network that normalises its image: in float64, however it lies in memory."""
    torch.manual_seed(0)
    network, image = nn.Sequential(nn.GroupNorm(1, 3), nn.Conv2d(3, 2, 1)).double(), torch.rand(2, 3, 8, 8).double()
    network(image).square().sum().backward()
    expected = [parameter.grad for parameter in network.parameters()]
    network.zero_grad()

    (logits,) = EachSize(network.to(**kind))([image.contiguous(**kind)])
    logits.square().sum().backward()

    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_network_without_such_a_normalisation_is_not_watched_on():
    """After its first step; another one always is."""
    images = [torch.rand(1, 3, 8, 8)]
    for network, watched in ((Tiny(0.0).build(3, 2), False), (BEGINNINGS["first"](), True)):
        both = EachSize(network)
        for _ in range(2):
            both(images)
            assert both.guarded == watched


@dataclass(frozen=True)
class Slow(Squares):
    """Images that take a hundredth of a second to read each, as large files do."""

    def __getitem__(self, index: int):
        time.sleep(0.01)
        return super().__getitem__(index)


def test_reading_images_counts_in_the_time_that_is_told():
    """Where it takes longest, a training that says nothing of it would last many times what was said."""
    recipe = tiny_recipe(training=Slow(8), batch_size=8)

    told = seconds_per_step(recipe, recipe.phases[0], recipe.network.build(1, 2), engine.start("cpu", False))

    assert told > 0.08
