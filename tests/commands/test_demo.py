"""The demonstration on a folder of one's own, in the shortest version."""

import shutil

import pytest


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
    """A fifth of the pictures is kept for scoring."""
    shutil.rmtree(hearts / "splits")

    said = weakseg("demo", "--data", hearts, "--out", tmp_path / "demo", "--epochs", 1)

    assert said.code == 0, said.err
    assert "full supervision" in said.out


def test_a_folder_without_masks_ends_in_a_report(weakseg, hearts, tmp_path):
    """Nothing to score by is said, and is no error."""
    shutil.rmtree(hearts / "masks")

    said = weakseg("demo", "--data", hearts, "--out", tmp_path / "demo", "--epochs", 1)

    assert said.code == 0, said.err
    assert "Without masks" in said.out
    assert "full supervision" not in said.out
    assert (tmp_path / "demo" / "report.html").is_file()
