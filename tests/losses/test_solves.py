"""A training says how its solves ended, and which images' labels contradict each other."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pytest
import torch
from batches import mixed
from images import Squares, tiny_recipe
from rich.console import Console

from weakseg import Augment, DualProjection, Fit, Phase, SeedsOnly, train_recipe
from weakseg.constraints import SizesWithin, TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.losses.solve_log import Solve, most_slack, solves_of, summary, watching
from weakseg.types import UNLABELED


@dataclass(frozen=True)
class Contradicted(Squares):
    """Sizes that hold, but for one image, whose two classes together would cover more than there is."""

    def __getitem__(self, index: int):
        sample = super().__getitem__(index)
        areas = np.array([[0.9, 1], [0.8, 1]]) if index == 3 else sample.areas
        return replace(sample, areas=areas, seeds=np.full_like(sample.seeds, UNLABELED))


@dataclass(frozen=True)
class SwitchedOff:
    """Holds a `Fit`, and does not ask it."""

    fit: Fit

    def __call__(self, logits, batch):
        """Nothing."""
        return nothing(logits, batch)


def nothing(logits, batch):
    """A loss that moves logits to 0."""
    return logits.square().mean()


def trained(folder, constraint, every=None):
    """The metrics of two epochs, and what was printed."""
    console = Console(record=True, width=200)
    phase = Phase(Fit(DualProjection(constraint)), epochs=2, learning_rate=1e-2, update_targets_every=every)
    recipe = tiny_recipe(training=Contradicted(), phases=(phase,), augment=Augment(crop=None))
    return train_recipe(recipe, folder, device="cpu", console=console).metrics, console.export_text()


@pytest.mark.parametrize("every", [None, 1], ids=["at every step", "in sweeps"])
def test_contradictory_labels_are_told_of_once(tmp_path, every):
    """With the image's name, and with the rows."""
    _, said = trained(tmp_path / "run", SizesWithin(price=inf), every)

    assert said.count("squares3: Infeasible: 'class 0 at least 90 %'") == 1
    assert said.count("Infeasible") == 1


def test_certificates_are_logged_each_epoch(tmp_path):
    """Their means, and the share of images whose demands contradict each other."""
    (line, _), said = trained(tmp_path / "run", SizesWithin(price=inf))

    assert line["solve_contradiction"] == pytest.approx(1 / 12)
    assert 0 < line["solve_steps"] < 100
    assert line["solve_gap"] < 1e-9
    assert f"slack {line['solve_slack']:.3f}" in said


def test_images_whose_rows_give_way_most_are_named_at_the_end(tmp_path):
    """Sizes with a price contradict nobody, and are missed all the more."""
    _, said = trained(tmp_path / "run", SizesWithin(price=2.0))

    assert said.strip().splitlines()[-2].startswith("Constraints were violated most")
    assert said.strip().splitlines()[-1].startswith("  squares3: Violated: 'class")


def test_every_solver_of_an_objective_is_watched():
    """Whatever it is hidden in, and however many there are; the loss is what it is when nobody looks."""
    logits, batch = mixed(stride=4)
    fit, sizes = Fit(DualProjection(UntaggedClassesAbsent())), Fit(DualProjection(SizesWithin()))

    def own(logits, batch):
        return fit(logits / 5, batch) + sizes(logits, batch)

    with watching() as solved:
        watched = own(logits, batch)

    assert watched == own(logits, batch)
    assert [keys for keys, _ in solved] == [batch.keys] * 2
    assert torch.equal(solved[0][1].target, fit.solution(logits / 5, batch).target)
    assert summary(solves_of(solved), "solve")["solve_steps"] > 0


def test_a_wrapped_fit_trains_on_what_it_asks_for(tmp_path):
    """Training adds nothing of its own to an objective that switches its solver off."""
    phases = [Phase(objective, epochs=2, learning_rate=1e-2) for objective in (SwitchedOff(Fit(SeedsOnly())), nothing)]
    losses = [
        train_recipe(tiny_recipe(phases=(phase,)), tmp_path / str(i), device="cpu").metrics[-1]["loss"]
        for i, phase in enumerate(phases)
    ]
    assert losses[0] == losses[1]


def test_rows_that_give_way_show_as_slack(tmp_path):
    """A price below what the prediction says is paid."""
    slack = [
        trained(tmp_path / f"{price}", TaggedClassesPresent(0.9, price))[0][0]["solve_slack"] for price in (0.1, 0.0)
    ]
    assert slack[0] > 0.01
    assert slack[1] == 0


def test_images_are_named_by_their_worst_solve():
    """One that was solved for twice, and one that contradicts itself beside it."""
    solves = [
        Solve("a", "much", {"slack": 0.8}),
        Solve("b", "some", {"slack": 0.3}),
        Solve("a", "little", {"slack": 0.2}),
    ]
    assert most_slack([*solves, Solve("c", "none", {"slack": 0.0})], 0.1, 5) == {"a": "much", "b": "some"}
    assert list(most_slack(solves, 0.1, 1)) == ["a"]


def test_what_was_solved_in_sweeps_is_named_at_the_end_too(tmp_path):
    """And logged beside the targets."""
    metrics, said = trained(tmp_path / "run", SizesWithin(price=2.0), every=2)

    assert "  squares3: Violated: 'class" in said
    assert metrics[0]["targets_slack"] > 0.1
    assert "targets_slack" not in metrics[1]


def test_a_solution_of_other_images_than_the_batch_names_is_not_watched():
    """Two views joined in an objective of one's own; the training goes on."""
    logits, batch = mixed(stride=4)
    with watching() as solved:
        Fit(DualProjection(SizesWithin()))(logits, replace(batch, keys=batch.keys[:1]))
    assert solved == []
