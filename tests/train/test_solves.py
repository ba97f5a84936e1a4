"""A training says how its solves ended, and which pictures' labels contradict each other."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pytest
from pictures import Squares, tiny_recipe
from rich.console import Console

from weakseg import Augment, DualProjection, Fit, Phase, SizesWithin, TaggedClassesPresent, train_recipe
from weakseg.types import UNLABELED


@dataclass(frozen=True)
class Contradicted(Squares):
    """Sizes that hold, but for one picture, whose two classes together would cover more than there is."""

    def __getitem__(self, index: int):
        sample = super().__getitem__(index)
        areas = np.array([[0.9, 1], [0.8, 1]]) if index == 3 else sample.areas
        return replace(sample, areas=areas, seeds=np.full_like(sample.seeds, UNLABELED))


def trained(folder, constraint, every_epochs=None):
    """The metrics of two epochs, and what was printed."""
    console = Console(record=True, width=200)
    phase = Phase(Fit(DualProjection(constraint), every_epochs=every_epochs), epochs=2, learning_rate=1e-2)
    recipe = tiny_recipe(training=Contradicted(), phases=(phase,), augment=Augment(crop=None))
    return train_recipe(recipe, folder, device="cpu", console=console).metrics, console.export_text()


@pytest.mark.parametrize("every_epochs", [None, 1], ids=["at every step", "in sweeps"])
def test_contradictory_labels_are_told_of_once(tmp_path, every_epochs):
    """With the picture's name, and with the rows."""
    _, said = trained(tmp_path / "run", SizesWithin(price=inf), every_epochs)

    assert said.count("squares3: Infeasible: 'class 0 at least") == 1
    assert said.count("Infeasible") == 1


def test_certificates_are_logged_each_epoch(tmp_path):
    """Their means, and the share of pictures whose demands contradict each other."""
    (line, _), said = trained(tmp_path / "run", SizesWithin(price=inf))

    assert line["solve_contradiction"] == pytest.approx(1 / 12)
    assert 0 < line["solve_steps"] < 100
    assert line["solve_gap"] < 1e-9
    assert f"slack {line['solve_slack']:.3f}" in said


def test_rows_that_give_way_show_as_slack(tmp_path):
    """A price below what the prediction says is paid."""
    slack = [
        trained(tmp_path / f"{price}", TaggedClassesPresent(0.9, price))[0][0]["solve_slack"] for price in (0.1, 0.0)
    ]
    assert slack[0] > 0.01
    assert slack[1] == 0
