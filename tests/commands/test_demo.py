"""The demonstration on a folder of one's own, in the shortest version."""

import shutil
from io import StringIO

import pytest
from rich.console import Console

from weakseg.commands import demo


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    """Pretrained weights cannot be had."""
    monkeypatch.delenv("WEAKSEG_WEIGHTS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_folder_with_masks_is_compared_with_full_supervision(weakseg, hearts, tmp_path):
    """Both runs, a table and a report; that weights were missing is said aloud."""
    said = weakseg("demo", "--data", hearts, "--out", tmp_path / "demo", "--epochs", 1)

    assert said.code == 0, said.err
    assert "from scratch instead" in said.out
    assert "drawn labels" in said.out
    assert "full supervision" in said.out
    assert (tmp_path / "demo" / "report.html").is_file()


def test_a_folder_without_splits_is_divided(weakseg, hearts, tmp_path):
    """A fifth of the images is kept for scoring."""
    shutil.rmtree(hearts / "splits")

    said = weakseg("demo", "--data", hearts, "--out", tmp_path / "demo", "--epochs", 1)

    assert said.code == 0, said.err
    assert "full supervision" in said.out


def test_a_folder_without_masks_ends_in_a_report(weakseg, hearts, tmp_path):
    """Nothing to score by is said, and is no error."""
    shutil.rmtree(hearts / "masks")

    said = weakseg("demo", "--data", hearts, "--out", tmp_path / "demo", "--epochs", 1)

    assert said.code == 0, said.err
    assert "There are no masks" in said.out
    assert "full supervision" not in said.out
    assert (tmp_path / "demo" / "report.html").is_file()


def test_a_slow_machine_gets_a_shorter_demonstration_and_is_told_why(monkeypatch):
    """As many epochs as fit, one at least; a quick machine has all of them, without a word."""
    for seconds, epochs in ((0.01, 24), (0.5, 4), (100.0, 1)):
        monkeypatch.setattr(demo, "_seconds_per_step", lambda recipe, seconds=seconds: seconds)
        console = Console(file=StringIO(), width=400)
        found = demo._affordable(demo._on_scenes(), 150.0, console)
        assert {recipe.epochs for recipe in found.values()} == {epochs}
        said = console.file.getvalue()
        assert ("shortened from 24 epochs to" in said) == (epochs < 24)
        assert f"A step takes {seconds:.2g} s" in said or epochs == 24
        assert ("not which method is better" in said) == (epochs < 12)


def test_ctrl_c_advises_what_the_command_can_do(weakseg, tmp_path, monkeypatch):
    """A demonstration cannot be gone on with, and nobody is told that it can."""

    def stop(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "train_recipe", stop)
    said = weakseg("demo", "--out", tmp_path / "demo", "--epochs", 1)
    assert said.code == 130
    assert "the next one starts afresh" in said.err
    assert "resume" not in said.err
