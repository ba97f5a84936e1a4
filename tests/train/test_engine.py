"""Precision, by what the processor can do."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from weakseg import Fit, Phase, Recipe, SeedsOnly
from weakseg.data.scenes import Scenes
from weakseg.networks.unet import UNet
from weakseg.train import engine
from weakseg.train.loop import train_recipe

RECIPE = Recipe(Scenes(count=2), UNet(width=8), (Phase(Fit(SeedsOnly()), 1),), batch_size=2)


def trained(folder, recipe):
    """The screen of a training, and its losses."""
    screen = StringIO()
    run = train_recipe(recipe, folder, device="cpu", console=Console(file=screen, width=200))
    return screen.getvalue(), [line["loss"] for line in run.metrics]


def test_a_processor_without_bfloat16_computes_in_float32_and_says_so(tmp_path, monkeypatch):
    """There it would take fifty times as long; the recipe stays as it is."""
    monkeypatch.setattr(engine, "has_bf16", lambda place: False)
    said, losses = trained(tmp_path / "bf16", replace(RECIPE, bf16=True))
    silent, expected = trained(tmp_path / "float32", RECIPE)

    assert "no bfloat16 instructions" in said
    assert "bfloat16" not in silent
    assert losses == expected


@pytest.mark.parametrize("known", [True, False])
def test_where_there_are_instructions_they_are_used(monkeypatch, known):
    """And a device that is no CPU is never asked."""
    monkeypatch.setattr(engine, "has_bf16", lambda place: known)

    assert engine.start("cpu", bf16=True).mixed_precision == ("bf16" if known else "no")
    assert engine.start("cpu", bf16=False).mixed_precision == "no"
