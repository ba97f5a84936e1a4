"""A CRF behind a trained network: asked for by --crf, tuned once, kept in the run."""

import json

import pytest

from weakseg import DenseCRF
from weakseg.train.run_folder import open_run


@pytest.fixture
def trained(weakseg, hearts, tmp_path):
    """A run of one epoch on the hearts."""
    said = weakseg("train", hearts, "--out", tmp_path / "run", "--network", "unet", "--epochs", 1, "--device", "cpu")
    assert said.code == 0, said.err
    return tmp_path / "run"


def test_a_tuned_crf_is_kept_and_used(weakseg, trained, hearts, tmp_path):
    """tune-crf says what it is worth; evaluate and predict take what it kept, and only when asked."""
    plain = json.loads(weakseg("evaluate", trained, "--json").out)
    assert open_run(trained).crf == DenseCRF()
    said = weakseg("tune-crf", trained, "--pictures", 3)
    assert said.code == 0, said.err
    assert "without CRF" in said.out
    assert repr(open_run(trained).crf) in said.out
    refined = json.loads(weakseg("evaluate", trained, "--crf", "--json").out)
    assert refined["crf"]
    assert refined["iou"] != plain["iou"]
    assert json.loads((trained / "evaluation.json").read_text())["summary"]["iou"] == plain["iou"]
    pictures = sorted((hearts / "images").iterdir())[:2]
    said = weakseg("predict", trained, *pictures, "--out", tmp_path / "masks", "--crf", "--probabilities")
    assert said.code == 0, said.err
    assert len([*(tmp_path / "masks").glob("*.png")]) == 2


def test_a_damaged_crf_is_one_clear_message(weakseg, trained):
    """It names the file and what to do."""
    for text in ("{", '{"type": "weakseg.types.Memory", "labels": null, "multipliers": null}'):
        (trained / "crf.json").write_text(text)
        said = weakseg("evaluate", trained, "--crf")
        assert said.code == 2
        assert "crf.json" in said.err
        assert "tune again" in said.err
