"""The learning rate is a function of the step alone, and this one."""

import shutil
from dataclasses import replace

import pytest
import torch
from images import tiny_recipe
from safetensors.torch import load_file
from torch import nn

from weakseg import AdamW, Fit, Phase, SeedsOnly, Sgd, train_recipe
from weakseg.runs import checkpoint
from weakseg.train.optimizer import make_optimizer, set_learning_rate

PHASE = Phase(Fit(SeedsOnly()), epochs=1, learning_rate=8.0, warm_up=0.2, decay_power=2.0)


class Half(nn.Module):
    """One layer with pretrained weights, and a fresh one."""

    def __init__(self):
        super().__init__()
        self.old, self.new = nn.Linear(1, 1), nn.Linear(1, 1)
        self.fresh_parameters = frozenset({"new.weight", "new.bias"})


@pytest.mark.parametrize(
    ("done", "rate"), [(0.0, 0.0), (0.05, 2.0), (0.1, 4.0), (0.2, 8.0), (0.4, 4.5), (0.6, 2.0), (0.8, 0.5), (1.0, 0.0)]
)
def test_the_rate_rises_evenly_and_falls_by_the_share_that_is_left_after_the_warm_up(done, rate):
    """8 at the end of the warm-up; half way from there to the end, a half to the power of two of it."""
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "factor": 1.0}])
    assert set_learning_rate(optimizer, PHASE, done) == pytest.approx(rate)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("done", [0.01, 0.5, 0.99])
def test_without_a_warm_up_and_a_decay_the_rate_stays(done):
    """As the first paper trains."""
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "factor": 1.0}])
    phase = Phase(Fit(SeedsOnly()), epochs=1, learning_rate=8.0, warm_up=0.0, decay_power=0.0)
    assert set_learning_rate(optimizer, phase, done) == 8.0


@pytest.mark.parametrize("how", [AdamW(fresh_factor=5.0), Sgd(fresh_factor=5.0)])
def test_fresh_parameters_learn_faster(how):
    """By `fresh_factor` at every step; what is returned and logged is the rate of the others."""
    network = Half()
    optimizer = make_optimizer(tiny_recipe(optimizer=how), network)
    assert set_learning_rate(optimizer, PHASE, 0.6) == pytest.approx(2.0)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert [rates[id(p)] for p in network.old.parameters()] == pytest.approx([2.0, 2.0])
    assert [rates[id(p)] for p in network.new.parameters()] == pytest.approx([10.0, 10.0])


def test_each_phase_of_a_training_has_the_whole_curve(tmp_path):
    """The last step of each epoch of three steps, in the middle of that step, counted from its phase's begin."""
    phases = (
        Phase(Fit(SeedsOnly()), epochs=2, learning_rate=1e-2, warm_up=0.5, decay_power=1.0),
        Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-3, warm_up=0.0, decay_power=2.0),
    )
    metrics = train_recipe(tiny_recipe(phases=phases, validation=None), tmp_path / "run", device="cpu").metrics
    expected = [1e-2 * (2.5 / 6) / 0.5, 1e-2 * (0.5 / 6) / 0.5, 1e-3 * (0.5 / 3) ** 2]
    assert [line["learning_rate"] for line in metrics] == pytest.approx(expected)


@pytest.mark.parametrize("how", [AdamW(), Sgd(momentum=0.9)])
def test_a_phase_may_begin_with_a_fresh_optimizer(tmp_path, monkeypatch, how):
    """Its steps are those of an optimiser made anew over the weights of the phase before; broken off there, too."""
    first = Phase(Fit(SeedsOnly()), epochs=2, learning_rate=1e-2)
    second = Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-3, fresh_optimizer=True)
    recipe = tiny_recipe(phases=(first, second), optimizer=how, validation=None)
    whole = train_recipe(recipe, tmp_path / "whole", device="cpu").path
    kept = train_recipe(replace(recipe, phases=(first, replace(second, fresh_optimizer=False))), tmp_path / "kept")

    def loaded_without_moments(optimizer, tensors, path):
        load_optimizer(optimizer, {name: t for name, t in tensors.items() if "optimizer." not in name}, path)

    for name in ("resumed", "by_hand"):
        shutil.copytree(whole, tmp_path / name)
        # That of the end of the first phase is what is left.
        (tmp_path / name / "last.safetensors").unlink()
    train_recipe(recipe, tmp_path / "resumed", device="cpu", resume=True)
    load_optimizer = checkpoint.load_optimizer
    monkeypatch.setattr(checkpoint, "load_optimizer", loaded_without_moments)
    train_recipe(recipe, tmp_path / "by_hand", device="cpu", resume=True)

    ends = [load_file(path / "last.safetensors") for path in (whole, tmp_path / "resumed", tmp_path / "by_hand")]
    for name, tensor in ends[0].items():
        assert torch.equal(tensor, ends[1][name])
        assert torch.equal(tensor, ends[2][name])
    other = load_file(kept.path / "last.safetensors")
    assert any(not torch.equal(other[name], tensor) for name, tensor in ends[0].items())
