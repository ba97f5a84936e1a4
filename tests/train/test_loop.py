"""What the loop does at the ends of a phase, and what it draws at random."""

from dataclasses import dataclass, field

import torch
from pictures import Squares, Tiny, tiny_recipe
from rich.console import Console
from torch import nn

from weakseg import Augment, Fit, Phase, train_recipe
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.run_folder import open_run

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
