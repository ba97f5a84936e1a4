"""A batch may be taken for several steps, with the hidden segmentation of the first."""

from dataclasses import dataclass, replace

import pytest
import torch
from batches import mixed
from images import tiny_recipe
from safetensors.torch import load_file

from weakseg import DualProjection, Fit, Phase, Regularize, Sum, train_recipe
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.energies.entropy import Entropy
from weakseg.errors import RecipeInvalid
from weakseg.runs import run_writer
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.sizes import with_targets
from weakseg.types import Evidence, Memory, Solution

PROJECTION = DualProjection(All((SizesWithin(), UntaggedClassesAbsent())))
solved = []


@dataclass(frozen=True)
class Counting:
    """Finds nothing, and counts how often it is asked, and for which images."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """That of `SeedsOnly`."""
        solved.append(evidence.keys)
        return SeedsOnly().solve(evidence, start)


def trained(folder, steps_per_batch):
    """The metrics of two epochs of three steps."""
    objective = Sum((Fit(Counting()), Regularize(Entropy(), 0.1)))
    phase = Phase(objective, epochs=2, learning_rate=1e-2, steps_per_batch=steps_per_batch)
    solved.clear()
    return train_recipe(tiny_recipe(phases=(phase,)), folder, device="cpu").metrics


@pytest.mark.parametrize(("steps_per_batch", "times"), [(1, 6), (2, 4), (3, 2), (7, 2)])
def test_the_solver_is_asked_once_a_batch(tmp_path, steps_per_batch, times):
    """Each epoch begins with a new batch, and has as many steps as ever; the two trials for the clock count too."""
    metrics = trained(tmp_path / "run", steps_per_batch)
    assert len(solved) - 2 == times
    assert metrics[-1]["step"] == 6


def test_what_is_held_is_what_is_followed():
    """The loss of other logits is that against the first ones' target, not against their own."""
    logits, batch = mixed(stride=4)
    fit, other = Fit(PROJECTION), logits.flip(1)
    held = with_targets(Sum((fit, Regularize(Entropy()))), logits, batch)
    target = PROJECTION.solve(Evidence(batch.image, logits.log_softmax(1), batch.weak)).target
    assert isinstance(held.targets, Solution)
    assert torch.equal(held.targets.target, target)
    assert fit(logits, held) == fit(logits, batch)
    assert fit(other, held) != fit(other, batch)


@dataclass(frozen=True)
class Unsure:
    """Finds the other classes, and is sure of them on the right only."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """A weight that grows from 0 to 1 along the columns."""
        target = evidence.log_probs.flip(1).exp()
        weight = torch.linspace(0, 1, target.shape[3]).expand(len(target), *target.shape[2:])
        return Solution(target, weight, torch.zeros(len(target)), ("",) * len(target))


def test_how_much_each_pixel_teaches_is_held_too():
    """A target that its solver is unsure of teaches as little at the second step as at the first."""
    logits, batch = mixed(stride=4)
    fit = Fit(Unsure())
    held = with_targets(fit, logits, batch)
    assert isinstance(held.targets, Solution)
    torch.testing.assert_close(held.targets.weight[0, 0], torch.linspace(0, 1, logits.shape[3]))
    assert fit(logits, held) == fit(logits, batch)


def test_a_resumed_run_that_holds_ends_with_the_same_bits(tmp_path, monkeypatch):
    """Broken off after its first checkpoint: a batch is held within an epoch only, so nothing of it is missing."""
    recipe = tiny_recipe(phases=(Phase(Fit(PROJECTION), epochs=3, learning_rate=1e-2, steps_per_batch=2),))
    train_recipe(recipe, tmp_path / "whole", device="cpu")
    save = run_writer.save

    def save_and_break_off(*given):
        save(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(run_writer, "save", save_and_break_off)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(recipe, tmp_path / "resumed", device="cpu")
    monkeypatch.setattr(run_writer, "save", save)
    train_recipe(recipe, tmp_path / "resumed", device="cpu", resume=True)
    whole, resumed = (load_file(tmp_path / name / "last.safetensors") for name in ("whole", "resumed"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_an_objective_without_a_solver_holds_nothing_and_two_solvers_are_refused():
    """Regularisers alone go on with the batch as it is; a recipe says no before anything is trained."""
    logits, batch = mixed(stride=4)
    assert with_targets(Regularize(Entropy()), logits, batch) is batch
    two = Phase(Sum((Fit(PROJECTION), Fit(SeedsOnly()))), epochs=1)
    with pytest.raises(RecipeInvalid, match=r"phases\[1\].objective has 2 terms that solve"):
        tiny_recipe(phases=(two, replace(two, steps_per_batch=2)))
    tiny_recipe(phases=(replace(two, objective=Fit(PROJECTION), steps_per_batch=2, update_targets_every=1),))
    phase = replace(tiny_recipe().phases[0], steps_per_batch=0)
    with pytest.raises(RecipeInvalid, match="steps_per_batch is 0"):
        tiny_recipe(phases=(phase,))
