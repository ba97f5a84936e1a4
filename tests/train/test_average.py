"""Averaged weights are the average that a plain loop makes, and are what is scored, kept and predicted with."""

import json
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from images import Squares, Tiny, tiny_recipe
from launch import launch
from safetensors.torch import load_file
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from weakseg import Fit, Phase, train_recipe
from weakseg.errors import RecipeInvalid
from weakseg.evaluation.evaluate import evaluate
from weakseg.papers import EmAdapt
from weakseg.runs import run_writer
from weakseg.runs.run import open_run
from weakseg.simulate import Clicks, Simulated
from weakseg.train.average import averaged_copy, follow


@dataclass(frozen=True)
class Normalised:
    """A tiny network with statistics of batches, which are averaged, and a count of them, which is not."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """Fresh weights."""
        return nn.Sequential(nn.Conv2d(channels, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same."""
        return self.build(channels, classes)


SWEEPS = tiny_recipe(
    training=Simulated(Squares(), (Clicks(),)),
    network=Normalised(),
    phases=(Phase(Fit(EmAdapt(background_share=0.5)), epochs=5, learning_rate=1e-2, update_targets_every=2),),
    average=0.9,
)


def weights(run, name, kind):
    """Copies of the tensors of one kind in a checkpoint, for what is read is the file itself."""
    tensors = load_file(run / f"{name}.safetensors")
    return {n.removeprefix(kind): t.clone() for n, t in tensors.items() if n.startswith(kind)}


def same(some, others):
    """Whether two sets of tensors are equal in bits."""
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30), st.floats(0, 0.999), st.integers(0, 100))
def test_an_average_is_that_of_a_loop_over_numbers(values, decay, begun):
    """One weight, one real statistic and one count, step by step."""
    network = nn.BatchNorm1d(1)
    averaged = averaged_copy(network)
    by_hand = 1.0
    for step, value in enumerate(values, start=begun):
        nn.init.constant_(network.weight, value)
        nn.init.constant_(network.running_var, value)
        network.num_batches_tracked.fill_(step)
        follow(averaged, network, decay, step)
        kept = min(decay, (1 + step) / (10 + step))
        by_hand = kept * by_hand + (1 - kept) * value
    assert averaged.weight.item() == pytest.approx(by_hand, abs=1e-4)
    assert averaged.running_var.item() == pytest.approx(by_hand, abs=1e-4)
    assert averaged.num_batches_tracked.item() == begun + len(values) - 1
    assert network.weight.item() == pytest.approx(values[-1])


def test_masks_of_infinities_are_copied():
    """Infinity less infinity would make them nan, and every answer of the averaged network with them."""
    network = nn.Linear(1, 1)
    network.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    averaged = averaged_copy(network)
    for step in range(3):
        follow(averaged, network, 0.9, step)
    assert torch.equal(averaged.get_buffer("mask"), network.get_buffer("mask"))


def test_a_training_keeps_the_average_of_its_steps_and_trains_as_without(tmp_path):
    """All weights after each step, averaged by hand in double precision; those that go on do not know of it."""
    recipe, after = tiny_recipe(average=0.7), []
    torch.manual_seed(recipe.seed)
    named = dict(recipe.network.build(1, 2).named_parameters())
    by_hand = [p.detach().double() for p in named.values()]
    noted = register_optimizer_step_post_hook(
        lambda optimizer, *_: after.append([p.detach().double() for p in optimizer.param_groups[0]["params"]])
    )
    run = train_recipe(recipe, tmp_path / "run", device="cpu").path
    noted.remove()
    assert len(after) == 12
    for step, now in enumerate(after):
        kept = min(0.7, (1 + step) / (10 + step))
        by_hand = [kept * old + (1 - kept) * new for old, new in zip(by_hand, now, strict=True)]

    averaged = weights(run, "last", "averaged.")
    for name, expected in zip(named, by_hand, strict=True):
        torch.testing.assert_close(averaged[name].double(), expected, atol=1e-6, rtol=1e-5)
    plain = train_recipe(replace(recipe, average=None), tmp_path / "plain", device="cpu").path
    assert same(weights(run, "last", "network."), weights(plain, "last", "network."))
    assert not same(weights(run, "last", "network."), averaged)
    assert not weights(plain, "last", "averaged.")
    assert "average" not in json.loads((plain / "run.json").read_text())["recipe"]


def test_averaged_weights_are_scored_kept_and_predicted_with(tmp_path):
    """The score of the log is that of the network that is opened, as the best and as the last."""
    recipe = tiny_recipe(network=Normalised(), average=0.9, validate_every=4)
    run = train_recipe(recipe, tmp_path / "run", device="cpu")
    averaged = weights(run.path, "last", "averaged.")
    assert same(weights(run.path, "best", "network."), averaged)
    for which in ("best", "last"):
        assert same(open_run(run.path).network(recipe.network, which).state_dict(), averaged)
    scores = evaluate(open_run(run.path).predictor(network=recipe.network), recipe.validation)
    assert run.metrics[-1]["mean_iou"] == pytest.approx(scores.mean_iou(), abs=1e-9)


@pytest.mark.parametrize("lost", [None, "best", "last"])
def test_a_run_that_was_broken_off_ends_in_the_same_bits(tmp_path, monkeypatch, lost):
    """Weights, averaged ones, the best and all that is logged; also where a checkpoint has to be made again."""
    whole = train_recipe(SWEEPS, tmp_path / "whole", device="cpu")
    save = run_writer.save

    def save_and_break_off(*given):
        best = save(*given)
        if given[3][-1]["epoch"] == 2:
            raise KeyboardInterrupt
        return best

    monkeypatch.setattr(run_writer, "save", save_and_break_off)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(SWEEPS, tmp_path / "resumed", device="cpu")
    monkeypatch.setattr(run_writer, "save", save)
    if lost is not None:
        (tmp_path / "resumed" / f"{lost}.safetensors").unlink()
    resumed = train_recipe(SWEEPS, tmp_path / "resumed", device="cpu", resume=True)
    for name in ("last", "best", "sweep"):
        assert same(weights(whole.path, name, ""), weights(resumed.path, name, ""))
    told = [[(line["loss"], line.get("mean_iou")) for line in run.metrics] for run in (whole, resumed)]
    assert told[0] == told[1]


PROGRAM = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from test_average import SWEEPS
from weakseg.train import loop

def validate_and_keep(recipe, predictor, accelerator, share):
    save_file(predictor.network.state_dict(), Path(sys.argv[1]).with_name(f"rank{share.rank}.safetensors"))
    return validate(recipe, predictor, accelerator, share)

validate, loop.validate = loop.validate, validate_and_keep
loop.train_recipe(SWEEPS, sys.argv[1], device="cpu")
"""


def test_two_processes_hold_the_same(tmp_path):
    """Statistics included, though each normalises with those of its own images."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launch(2, program, tmp_path / "run", "")
    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    assert same(*ranks)
    assert same(ranks[0], weights(tmp_path / "run", "last", "averaged."))


@pytest.mark.parametrize("average", [1.0, -0.1, float("nan")])
def test_an_average_that_never_moves_is_refused(average):
    """All of the old weights, or less than nothing."""
    with pytest.raises(RecipeInvalid, match="average is"):
        tiny_recipe(network=Tiny(), average=average)
