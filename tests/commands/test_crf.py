"""A CRF behind a trained network: asked for by --crf, tuned once, kept in the run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from weakseg.energies import DenseCRF
from weakseg.evaluation.tune_crf import Tuned
from weakseg.experiments import tune_crf
from weakseg.runs.run import open_run


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
    said = weakseg("tune-crf", trained, "--images", 3)
    assert said.code == 0, said.err
    assert "on 3 training images" in said.out
    assert "without CRF" in said.out
    assert repr(open_run(trained).crf) in said.out
    refined = json.loads(weakseg("evaluate", trained, "--crf", "--json").out)
    assert refined["crf"]["type"].endswith("DenseCRF")
    assert json.loads(weakseg("evaluate", trained, "--json").out)["crf"] is None
    assert refined["iou"] != plain["iou"]
    assert json.loads((trained / "evaluation.json").read_text())["summary"]["iou"] == plain["iou"]
    images = sorted((hearts / "images").iterdir())[:2]
    said = weakseg("predict", trained, *images, "--out", tmp_path / "masks", "--crf", "--probabilities")
    assert said.code == 0, said.err
    assert "refined by the CRF tuned for this run" in said.out
    assert len([*(tmp_path / "masks").glob("*.png")]) == 2


@pytest.mark.parametrize(("validation", "told"), [("val", "on 2 held-out"), ("held out", "on 3 training")])
def test_it_is_tuned_on_what_was_kept_aside_and_never_on_what_is_judged(weakseg, hearts, tmp_path, validation, told):
    """A recipe that keeps a part of train aside has it for this, unless it is validated there."""
    judged = {"val": "Folder(DATA, 'val')", "held out": "Fold(Folder(DATA, 'train'), held_out=True, of=4)"}[validation]
    (tmp_path / "recipe.py").write_text(
        "from weakseg import AdamW, Augment, Fit, Fold, Folder, Phase, Recipe, SeedsOnly, UNet\n"
        f"DATA = {str(hearts)!r}\n"
        "recipe = Recipe(training=Fold(Folder(DATA, 'train'), held_out=False, of=4), network=UNet(),\n"
        f"    validation={judged}, phases=(Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-3),),\n"
        "    augment=Augment(crop=(32, 32)), optimizer=AdamW(), batch_size=4)\n"
    )
    said = weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert said.code == 0, said.err
    said = weakseg("tune-crf", tmp_path / "run", "--images", 3)
    assert said.code == 0, said.err
    assert told in said.out


def test_masks_without_a_class_tune_nothing(weakseg, trained, hearts):
    """Void ones are passed over, and where there are no others that is said."""
    masks = [hearts / "masks" / f"slice{number:02d}.png" for number in range(8)]
    for path in masks:
        Image.fromarray(np.full((64, 64), 255, np.uint8)).save(path)
    said = weakseg("tune-crf", trained)
    assert said.code == 2
    assert "none of the 8 training images has a mask with a class in it" in said.err
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(masks[3])
    assert "on 1 training image:" in weakseg("tune-crf", trained).out


def test_a_crf_that_helps_nothing_is_not_advised(weakseg, trained, monkeypatch):
    """What was found is kept, and it is said that none is better."""
    worse = Tuned(DenseCRF(), without=0.5, before=0.4, after=0.4)
    monkeypatch.setattr(tune_crf, "tune", lambda *given, **more: worse)
    assert "leave --crf out" in weakseg("tune-crf", trained, "--images", 1).out
    monkeypatch.setattr(tune_crf, "tune", lambda *given, **more: replace(worse, after=0.6))
    assert "leave --crf out" not in weakseg("tune-crf", trained, "--images", 1).out


def test_a_damaged_crf_is_one_clear_message(weakseg, trained):
    """It names the file and what to do."""
    for text in ("{", '{"type": "weakseg.types.Memory", "labels": null, "multipliers": null}'):
        (trained / "crf.json").write_text(text)
        said = weakseg("evaluate", trained, "--crf")
        assert said.code == 2
        assert "crf.json" in said.err
        assert "tune again" in said.err
